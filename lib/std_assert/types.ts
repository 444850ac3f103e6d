/** What a failing `assertFalse` did not get. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Any class, abstract ones too; `never[]` accepts every parameter list. */
export type AnyConstructor = abstract new (...args: never[]) => unknown;

/** The class of an error. */
export type ErrorConstructorOf<E extends Error> = abstract new (
  ...args: never[]
) => E;

/** What constructing a class of type T yields. */
export type InstanceOf<T extends AnyConstructor> = T extends
  abstract new (...args: never[]) => infer I ? I : never;

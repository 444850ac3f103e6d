/** Assertions on errors. */
import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./format.ts";
import type { ErrorConstructorOf } from "./types.ts";

/** Throws AssertionError unless the value is an error of that class, with that in its message. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorConstructorOf<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw new AssertionError(
      `Expected "error" to be an Error object${suffix(msg)}`,
    );
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${
        error.constructor?.name ?? "unknown"
      }"${suffix(msg)}`,
    );
  }
  if (msgMatches === undefined) return;
  const matches = typeof msgMatches === "string"
    ? stripColors(error.message).includes(stripColors(msgMatches))
    : msgMatches.test(stripColors(error.message));
  if (matches) return;
  const wanted = msgMatches instanceof RegExp
    ? String(msgMatches)
    : JSON.stringify(msgMatches);
  throw new AssertionError(
    `Expected error message to include ${wanted}, but got ${
      JSON.stringify(error.message)
    }${suffix(msg)}`,
  );
}

// deno-lint-ignore no-control-regex -- the escape that starts a colour code
const COLORS = /\x1b\[[0-9;]*m/g;
const stripColors = (text: string) => text.replaceAll(COLORS, "");

/** The overloads' optional arguments, told apart. */
type Expectation<E extends Error> = {
  errorClass?: ErrorConstructorOf<E>;
  msgIncludes?: string;
  msg?: string;
};

function expectation<E extends Error>(
  classOrMsg?: ErrorConstructorOf<E> | string,
  msgIncludesOrMsg?: string,
  msg?: string,
): Expectation<E> {
  if (typeof classOrMsg === "string") return { msg: classOrMsg };
  if (!classOrMsg) return { msg: msg ?? msgIncludesOrMsg };
  return { errorClass: classOrMsg, msgIncludes: msgIncludesOrMsg, msg };
}

function checkCaught<E extends Error>(
  caught: unknown,
  { errorClass, msgIncludes, msg }: Expectation<E>,
  verb: "thrown" | "rejected",
): void {
  if (!errorClass) return;
  if (!(caught instanceof Error)) {
    throw new AssertionError(
      `A non-Error object was ${verb}${suffix(msg)}`,
    );
  }
  assertIsError(caught, errorClass, msgIncludes, msg);
}

/** Calls `fn`, which must throw, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Calls `fn`, which must throw an error of that class, and returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructorOf<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorConstructorOf<E> | string,
  msgIncludesOrMsg?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludesOrMsg, msg);
  try {
    fn();
  } catch (caught) {
    checkCaught(caught, expected, "thrown");
    return caught;
  }
  throw new AssertionError(
    `Expected function to throw${suffix(expected.msg)}`,
  );
}

/** Calls `fn`, whose promise must reject, and resolves with the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Calls `fn`, whose promise must reject with an error of that class, and resolves with it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructorOf<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorConstructorOf<E> | string,
  msgIncludesOrMsg?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludesOrMsg, msg);
  const promise = callForPromise(fn, expected.msg);
  try {
    await promise;
  } catch (caught) {
    checkCaught(caught, expected, "rejected");
    return caught;
  }
  throw new AssertionError(
    `Expected function to reject${suffix(expected.msg)}`,
  );
}

/** A synchronous throw, or no promise at all, is not a rejection. */
function callForPromise(
  fn: () => PromiseLike<unknown>,
  msg: string | undefined,
): PromiseLike<unknown> {
  let cause: unknown;
  try {
    const result: unknown = fn();
    if (isPromiseLike(result)) return result;
  } catch (caught) {
    cause = caught;
  }
  throw new AssertionError(
    `Function throws when expected to reject${suffix(msg)}`,
    { cause },
  );
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

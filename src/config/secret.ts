/**
 * A value that must not be seen.
 *
 * Invariants: text, JSON, Deno.inspect and console show the mask; only `reveal`
 * gives the value. Not promised: protection from a debugger or a core dump.
 */

/** What is shown in place of a secret. */
export const MASK = "***";

/** Wraps a secret. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: call it where it is used, never to keep it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}

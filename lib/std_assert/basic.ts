/** Assertions on one value. */
import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./format.ts";
import type { AnyConstructor, Falsy, InstanceOf } from "./types.ts";

/** Throws AssertionError with `msg` unless the expression is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Throws AssertionError with `msg` unless the expression is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Throws AssertionError when the value is null or undefined. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throw new AssertionError(
      `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
    );
  }
}

/** Throws AssertionError unless the value is an instance of the class. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceOf<T> {
  if (actual instanceof expectedType) return;
  const expected = expectedType.name;
  const found = describeType(actual);
  const what = found === undefined
    ? " but was not an instanced object"
    : found === expected
    ? ""
    : ` but was "${found}"`;
  throw new AssertionError(
    `Expected object to be an instance of "${expected}"${what}${suffix(msg)}`,
  );
}

/** Undefined for a function or class, which is no instance of anything of ours. */
function describeType(value: unknown): string | undefined {
  if (value === null) return "null";
  if (typeof value === "function") return undefined;
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "Object";
}

/** Always throws AssertionError. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Always throws AssertionError: marks a place that must not be reached. */
export function unreachable(reason?: string): never {
  throw new AssertionError(reason ?? "Unreachable.");
}

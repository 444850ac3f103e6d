/** Assertions on the order and distance of two values. */
import { AssertionError } from "./assertion_error.ts";
import { format, suffix } from "./format.ts";

function compared(
  holds: boolean,
  actual: unknown,
  relation: string,
  expected: unknown,
  msg: string | undefined,
): void {
  if (holds) return;
  throw new AssertionError(
    `Expect ${format(actual)} ${relation} ${format(expected)}${suffix(msg)}`,
  );
}

/** Throws AssertionError unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  compared(actual > expected, actual, ">", expected, msg);
}

/** Throws AssertionError unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  compared(actual >= expected, actual, ">=", expected, msg);
}

/** Throws AssertionError unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  compared(actual < expected, actual, "<", expected, msg);
}

/** Throws AssertionError unless `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  compared(actual <= expected, actual, "<=", expected, msg);
}

/**
 * Throws AssertionError unless the numbers are closer than `tolerance`, which
 * is a ten-millionth of `expected` by default.
 */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  const show = (n: number) => Number.isInteger(n) ? `${n}` : n.toExponential();
  throw new AssertionError(
    `Expected actual: "${show(actual)}" to be close to "${show(expected)}": ` +
      `delta "${show(delta)}" is greater than "${show(allowed)}"${suffix(msg)}`,
  );
}

/** Assertions on the equality of two values. */
import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";
import { format, renderDiff, suffix } from "./format.ts";

/** Two texts differ by line as they are; anything else as it is printed. */
function diffOf(
  actual: unknown,
  expected: unknown,
  formatter: (value: unknown) => string,
): string {
  const texts = typeof actual === "string" && typeof expected === "string" &&
    (actual.includes("\n") || expected.includes("\n"));
  return texts
    ? renderDiff(actual, expected)
    : renderDiff(formatter(actual), formatter(expected));
}

/** Throws AssertionError with a diff unless both values are deeply equal (see `equal`). */
export function assertEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
  options: { formatter?: (value: unknown) => string } = {},
): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}${
      diffOf(actual, expected, options.formatter ?? format)
    }`,
  );
}

/** Throws AssertionError when both values are deeply equal (see `equal`). */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${
      suffix(msg)
    }`,
  );
}

/** Throws AssertionError unless `Object.is(actual, expected)`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const shownActual = format(actual);
  if (shownActual === format(expected)) {
    throw new AssertionError(
      `Values have the same structure but are not reference-equal${
        suffix(msg)
      }\n\n${shownActual}\n`,
    );
  }
  throw new AssertionError(
    `Values are not strictly equal${suffix(msg)}${
      diffOf(actual, expected, format)
    }`,
  );
}

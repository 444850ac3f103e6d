/**
 * Suites that need more than Deno: where it is missing they are ignored with the reason, or fail where it is required.
 *
 * Invariant: a required suite never passes by being skipped.
 */

export interface Need {
  /** Why the suite cannot run here; null: it can. */
  readonly missing: string | null;
  /** With 1 in this environment variable the tests fail instead of being ignored. */
  readonly requiredBy: string;
  /** What cannot be done then, for the error: "Cannot …". */
  readonly cannot: string;
}

/**
 * Makes the suite's tests, for `Deno.test` to take: it names a test's file by its caller's, and docs/faults.md
 * repeats that name. Prints `skipped: …` when the tests will be ignored.
 */
export function testsThatNeed(
  { missing, requiredBy, cannot }: Need,
): (name: string, run: () => Promise<void>) => Deno.TestDefinition {
  const ignore = missing !== null && Deno.env.get(requiredBy) !== "1";
  if (ignore) console.log(`skipped: ${missing}`);
  return (name, run) => ({
    name,
    ignore,
    fn: async () => {
      if (missing !== null) throw new Error(`${cannot}: ${missing}`);
      await run();
    },
  });
}

/**
 * Doubt: an attempt whose answer is unknown, and whose age no clock could tell, is
 * left to an operator. Its effect has happened once, or not at all.
 *
 * Invariant: only what comes of that one attempt is in doubt. What took effect
 * twice, or by another key, is found all the same.
 */
import type { SagaFact } from "./facts.ts";

/** As src/sagas/run.ts says it. */
const TOO_OLD = "its key is older than";

/**
 * @param sagas of one order, in the order of their numbers
 * @returns the attempt's key, when the first saga that has not ended is parked because of it
 */
export function inDoubt(sagas: readonly SagaFact[]): string | null {
  const head = sagas.find(({ state }) =>
    state === "open" || state === "parked"
  );
  if (head?.state !== "parked" || head.attemptStep === null) return null;
  if (!head.stuckReason?.includes(TOO_OLD)) return null;
  return `${head.id}:${head.attemptStep}`;
}

/**
 * A call that is waited for only so long.
 *
 * Invariant: settles by its bound; what the call does later is never an
 * unhandled rejection. Not promised: that the call stops.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { toError } from "./errors.ts";

/** Calls `fn`; resolves with its error, or one that says it took too long. */
export async function boundedCall(
  clock: Clock,
  ms: number,
  fn: () => Promise<void> | void,
): Promise<Error | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<Error>();
  using _timer = clock.after(
    ms,
    () => resolve(new Error(`Did not end within ${ms} ms`)),
  );
  return await Promise.race([late, errorOf(fn)]);
}

async function errorOf(
  fn: () => Promise<void> | void,
): Promise<Error | undefined> {
  try {
    await fn();
    return undefined;
  } catch (thrown) {
    return toError(thrown);
  }
}

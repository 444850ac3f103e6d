/**
 * Doing something with each of many, evenly over a time.
 *
 * Invariant: however many there are, the last one comes before the time is over: a timer is late by a
 * millisecond or so, and what has become due meanwhile is done at once. Takes all of the time, also for none.
 *
 * @module
 */

import type { Clock } from "@oms/lifecycle";

/** Calls `each` for the items in turn, over `overMs` milliseconds. Rejects with the signal's reason when aborted. */
export async function spread<T>(
  clock: Pick<Clock, "now" | "sleep">,
  items: readonly T[],
  overMs: number,
  signal: AbortSignal,
  each: (item: T) => void,
): Promise<void> {
  const startedAt = clock.now();
  const until = async (ms: number) => {
    const left = startedAt + ms - clock.now();
    if (left > 0) await clock.sleep(left, signal);
  };
  for (const [i, item] of items.entries()) {
    await until((overMs * i) / items.length);
    each(item);
  }
  await until(overMs);
}

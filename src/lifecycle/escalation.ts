/**
 * What the n-th stop signal means, pure.
 *
 * Invariant: a signal within {@link SAME_SIGNAL_MS} of the previous one counts
 * as the same one: a Ctrl-C under a task runner arrives up to three times.
 * Once the stop is forced, only {@link SAME_FORCE_MS}: a forced stop is over
 * within 500 ms, so with the longer one a third signal could never be counted.
 * Not promised: that a key held down forces anything.
 *
 * @module
 */

import { SAME_FORCE_MS, SAME_SIGNAL_MS } from "./lifecycle.ts";

/** What a stop signal leads to. */
export type Escalation = "same" | "stop" | "force" | "exit";

/** Counts the stop signals of a process. */
export class SignalCounter {
  #count = 0;
  #lastAt = -Infinity;

  /** What the signal that was received at `at` (monotonic ms) leads to. */
  next(at: number): Escalation {
    const window = this.#count < 2 ? SAME_SIGNAL_MS : SAME_FORCE_MS;
    const same = at - this.#lastAt <= window;
    this.#lastAt = at;
    if (same) return "same";
    this.#count++;
    if (this.#count === 1) return "stop";
    return this.#count === 2 ? "force" : "exit";
  }
}

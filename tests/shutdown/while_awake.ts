/**
 * What is asserted of half a second, on a machine that may stand still for longer.
 *
 * Invariants: an attempt that fails without a pause fails the test, and so does
 * one that fails every time. Not promised: that a defect which shows only now
 * and then, and only in a pause, is seen.
 */
import { AwakeTime } from "../support/awake_time.ts";

/** From here on a pause may be what an attempt failed of, in ms: less than a further signal has, or a forced stop. */
const PAUSE_MS = 300;
const TRIES = 5;

/** Runs `attempt`, and again when it failed while the machine stood still: that one has shown nothing. */
export async function whileAwake(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1;; tries++) {
    using awake = new AwakeTime();
    try {
      return await attempt();
    } catch (error) {
      if (awake.pausedMs < PAUSE_MS || tries === TRIES) throw error;
    }
  }
}

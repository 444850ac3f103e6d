/**
 * The phase that most parts need: let a group's tasks finish, then end them.
 *
 * Invariants: the group is closed first; when the budget ends its tasks, and
 * nothing else of the hard tree, are aborted and have {@link END_ACTION_MS} to
 * obey. What was cut off is named in the report, exit code 3.
 * Not promised: that a task obeys. One that does not is left behind.
 *
 * @module
 */

import { type Clock, systemClock } from "./clock.ts";
import { Deadline } from "./deadline.ts";
import { toError } from "./errors.ts";
import { END_ACTION_MS, type Phase } from "./phases.ts";
import type { TaskGroup } from "./task_group.ts";

/** How {@link drainPhase} drains. */
export interface DrainPhaseOptions {
  /** What the tasks may take to finish, in ms. */
  readonly budgetMs: number;
  /** Text of the log line; default: the group's name and `drained`. */
  readonly message?: string;
  /** Source of time; default: the system's. */
  readonly clock?: Clock;
}

/**
 * A phase with the group's name that closes it and waits for its tasks.
 *
 * ```ts
 * lifecycle.ready([drainPhase(jobs, { budgetMs: 2000 })]);
 * ```
 */
export function drainPhase(
  group: TaskGroup,
  { budgetMs, message, clock = systemClock }: DrainPhaseOptions,
): Phase {
  return {
    name: group.name,
    message: message ?? `${group.name} drained`,
    budgetMs,
    cutOff: true,
    run: async (_signal, deadline) => {
      group.close();
      await group.join(deadline);
    },
    leftover: () => group.pending(),
    atDeadline: async (signal) => {
      group.abort(toError(signal.reason));
      await group.join(Deadline.from(clock, END_ACTION_MS)).catch(() => {});
      return { still_running: group.size };
    },
  };
}

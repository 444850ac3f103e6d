/**
 * What runs right now, as log lines (SIGQUIT).
 *
 * Invariant: changes nothing. Not promised: a stack; only what tasks report.
 *
 * @module
 */

import type { Lifecycle } from "./lifecycle.ts";
import type { LogFn } from "./log.ts";
import { leftoverToJson, roundMs } from "./report.ts";
import type { PendingTask } from "./task_group.ts";

/** Logs one line about the process and one for each task. */
export function logTasks(
  log: LogFn,
  lifecycle: Pick<Lifecycle, "state" | "budgetLeftMs">,
  phase: string | undefined,
  tasks: readonly PendingTask[],
): void {
  const left = lifecycle.budgetLeftMs();
  const budget = left === undefined ? {} : { budget_left_ms: roundMs(left) };
  log("info", "task dump", {
    state: lifecycle.state,
    ...(phase === undefined ? {} : { phase }),
    ...budget,
    tasks: tasks.length,
  });
  for (const task of tasks) {
    log("info", "task", {
      ...leftoverToJson(task),
      step_age_ms: roundMs(task.stepAgeMs),
      ...budget,
    });
  }
}

/**
 * The lines that a stop writes; their texts are fixed for machines.
 *
 * Invariant: `shutdown started`, one line per phase in order (the phase's own
 * text), `shutdown complete`. Not promised: a line for a phase that was skipped
 * because the stop was forced; the report has it.
 *
 * @module
 */

import type { ListenerErrorFn } from "./cancel_scope.ts";
import {
  describeReason,
  reasonLabel,
  type ShutdownReason,
  toError,
} from "./errors.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LogFn } from "./log.ts";
import type { Phase, PhaseResult } from "./phases.ts";
import {
  fitReport,
  leftoverToJson,
  phaseToJson,
  roundMs,
  type ShutdownReport,
} from "./report.ts";
import type { PendingTask } from "./task_group.ts";

/** The first line of a stop. */
export function logStarted(log: LogFn, reason: ShutdownReason): void {
  log("info", "shutdown started", {
    reason: reasonLabel(reason),
    detail: describeReason(reason),
  });
}

/** The line of a phase that is announced at its start. */
export function logPhaseBegun(log: LogFn, phase: Phase): void {
  if (phase.announce === "start") {
    log("info", phase.message, { phase: phase.name });
  }
}

/** The line of a phase that has ended. */
export function logPhaseEnd(
  log: LogFn,
  phase: Phase,
  result: PhaseResult,
): void {
  const { outcome, leftover } = result;
  if (outcome === "skipped") return;
  const fields = {
    ...result.details,
    ...phaseToJson(result),
    ...(leftover.length > 0 ? { leftover: leftover.length } : {}),
  };
  if (phase.announce !== "start") {
    log(outcome === "done" ? "info" : "warn", phase.message, fields);
  } else if (outcome !== "done") {
    log("warn", "phase did not end as planned", fields);
  }
}

/** What started a stop with exit code 1, or came during one. */
export function logFatal(log: LogFn, error: Error): void {
  log("error", "fatal error", { error: error.message, stack: error.stack });
}

/** An abort listener's own error stops nothing. */
export function listenerErrorLog(log: LogFn): ListenerErrorFn {
  return (thrown, scope) =>
    log("error", "abort listener threw", {
      scope,
      error: toError(thrown).message,
    });
}

/**
 * What the last line may take, in bytes: some 1,500 leftovers. A bounded log may
 * refuse a line without an end, and this is the one that matters.
 */
const COMPLETE_LINE_BYTES = 256 * 1024;

/** The last line of a stop: the whole report, but for leftovers beyond the limit. */
export function logComplete(log: LogFn, report: ShutdownReport): void {
  const level = report.exitCode === 0 ? "info" : "warn";
  log(level, "shutdown complete", {
    ...fitReport(report, COMPLETE_LINE_BYTES),
  });
}

/** SIGQUIT: one line about the process and one for each task. */
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

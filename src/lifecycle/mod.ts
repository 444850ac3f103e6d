/**
 * The life of a process: start in order, serve, stop in order within a budget.
 *
 * Two signals, never one: `stopping` (soft) means take no new work and finish
 * what you have; `signal` (hard) means give up now. A process signal aborts
 * only the soft one; a phase that runs out of its budget aborts its own part of
 * the hard tree; a further signal aborts all of it.
 *
 * Knows nothing of what the process does. No dependencies.
 *
 * @module
 */

export { CancelScope, linkAbort } from "./cancel_scope.ts";
export type { CancelScopeOptions, ListenerErrorFn } from "./cancel_scope.ts";
export { systemClock } from "./clock.ts";
export type { Clock, Timer, TimerOptions } from "./clock.ts";
export { Deadline } from "./deadline.ts";
export { drainPhase } from "./drain_phase.ts";
export type { DrainPhaseOptions } from "./drain_phase.ts";
export {
  BudgetExceedsGraceError,
  describeReason,
  DrainTimeoutError,
  NotReadyError,
  PhaseTimeoutError,
  reasonLabel,
  StopError,
  TaskGroupClosedError,
  toError,
} from "./errors.ts";
export type { ShutdownReason } from "./errors.ts";
export { exitWhenIdle } from "./exit.ts";
export type { ExitOptions } from "./exit.ts";
export { installFatalHandlers, superviseLoop } from "./fatal.ts";
export type { FatalHandlerOptions } from "./fatal.ts";
export {
  FORCE_MS,
  LIFECYCLE_STATES,
  ROLLBACK_MS,
  SAME_FORCE_MS,
  SAME_SIGNAL_MS,
  START_ABANDON_MS,
} from "./lifecycle.ts";
export type {
  Lifecycle,
  LifecycleOptions,
  LifecycleState,
} from "./lifecycle.ts";
export type { LogFields, LogFn, LogLevel } from "./log.ts";
export {
  checkGrace,
  END_ACTION_MS,
  runPhases,
  SLACK_MS,
  sumOfBudgets,
} from "./phases.ts";
export type {
  Phase,
  PhaseBudget,
  PhaseDetails,
  PhaseOutcome,
  PhaseResult,
  RunPhasesOptions,
} from "./phases.ts";
export {
  leftoverToJson,
  phaseToJson,
  reportToJson,
  roundMs,
  truncateReport,
} from "./report.ts";
export type {
  LeftoverJson,
  PhaseJson,
  ReportJson,
  ShutdownOutcome,
  ShutdownReport,
} from "./report.ts";
export { SharedTimer } from "./shared_timer.ts";
export { createLifecycle } from "./shutdown.ts";
export { denoSignals, platformSignals, SIGNALS } from "./signals.ts";
export type {
  ProcessSignals,
  ReceivedSignal,
  SignalName,
  SignalRole,
  SignalRuntime,
  SignalSource,
} from "./signals.ts";
export { listenerErrorLog } from "./stop_log.ts";
export { DISPOSE_TIMEOUT_MS, KEPT_FAILURES, TaskGroup } from "./task_group.ts";
export type {
  PendingTask,
  SpawnOptions,
  TaskContext,
  TaskFailure,
  TaskGroupOptions,
  TaskHandle,
  TaskLabels,
  TaskOutcome,
} from "./task_group.ts";
export {
  TERMINATION_LOG_BYTES,
  writeTerminationLog,
} from "./termination_log.ts";
export { startWatchdog, whyNoKill } from "./watchdog.ts";
export type {
  KillAbility,
  Watchdog,
  WatchdogMode,
  WatchdogOptions,
  WatchdogView,
} from "./watchdog.ts";

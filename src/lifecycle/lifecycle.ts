/**
 * The lifecycle's surface: what an application sees and gives.
 *
 * Invariants: types only; behaviour is in shutdown.ts.
 *
 * @module
 */

import type { CancelScope } from "./cancel_scope.ts";
import type { Clock } from "./clock.ts";
import type { ShutdownReason, StopError } from "./errors.ts";
import type { LogFn } from "./log.ts";
import type { Phase } from "./phases.ts";
import type { ShutdownReport } from "./report.ts";
import type { SignalSource } from "./signals.ts";
import type { PendingTask } from "./task_group.ts";
import type { Watchdog } from "./watchdog.ts";

/** Where the process is in its life. */
export type LifecycleState =
  | "Starting"
  | "Ready"
  | "Draining"
  | "Stopping"
  | "Stopped"
  | "Failed";

/** All states, in order. */
export const LIFECYCLE_STATES: readonly LifecycleState[] = [
  "Starting",
  "Ready",
  "Draining",
  "Stopping",
  "Stopped",
  "Failed",
];

/** How a lifecycle is made. */
export interface LifecycleOptions {
  /** Where signals come from. */
  readonly signals: SignalSource;
  /** Where log lines go. */
  readonly log: LogFn;
  /** Source of time; default: the system's. */
  readonly clock?: Clock;
  /** Watches over the stop from outside of the event loop. */
  readonly watchdog?: Watchdog;
  /**
   * Called once when a further signal forces the stop, after all hard scopes
   * were aborted: last answers, one release. Bounded by {@link FORCE_MS}.
   */
  readonly onForce?: (reason: StopError) => Promise<void> | void;
  /** What runs now, for SIGQUIT and for the report of a forced stop. */
  readonly tasks?: () => readonly PendingTask[];
  /** Ends the process at once (third signal); default `Deno.exit`. */
  readonly exit?: (code: number) => void;
}

/** Signals closer than this to the previous one count as the same, in ms. */
export const SAME_SIGNAL_MS = 500;

/**
 * As {@link SAME_SIGNAL_MS}, once the stop is forced, in ms. Repeats of one
 * Ctrl-C were seen within 2.2 ms.
 */
export const SAME_FORCE_MS = 50;

/** What a forced stop may take in all, in ms. */
export const FORCE_MS = 500;

/** How long a start step may go on after the stop was asked for, in ms. */
export const START_ABANDON_MS = 2000;

/** What each rollback of a start step may take, in ms. */
export const ROLLBACK_MS = 2000;

/** The life of one process. */
export interface Lifecycle {
  /** Where it is now. */
  readonly state: LifecycleState;
  /** Soft: aborted as soon as the stop is asked for. */
  readonly stopping: AbortSignal;
  /** The scope behind `stopping`; its `onAbort` hooks may throw safely. */
  readonly soft: CancelScope;
  /** Root of the hard tree: aborted as a whole only by a forced stop. */
  readonly hard: CancelScope;
  /** Why it stops, once it does. */
  readonly reason: ShutdownReason | undefined;
  /** Resolves with the report when everything is over; never rejects. */
  readonly done: Promise<ShutdownReport>;

  /** Calls `listener` at each change of state, synchronously. */
  onState(listener: (state: LifecycleState) => void): Disposable;

  /**
   * Runs `startup`, which calls `start` for each part and `ready` at its end,
   * then waits for the stop. A stop meanwhile, or an error, rolls back in
   * reverse what has started.
   */
  run(startup: () => Promise<void> | void): Promise<ShutdownReport>;

  /**
   * Starts one part. `begin` gets the soft signal; `rollback` undoes it.
   *
   * @throws {StopError} when the stop was asked for before or meanwhile.
   */
  start<T>(
    name: string,
    begin: (stopping: AbortSignal) => Promise<T> | T,
    rollback?: (value: T) => Promise<void> | void,
  ): Promise<T>;

  /**
   * Starting is over: from now on the stop runs `phases`, not rollbacks.
   *
   * @throws {StopError} when the stop was asked for.
   */
  ready(phases: readonly Phase[]): void;

  /** Asks for an ordered stop. Without effect once one is on its way. */
  requestStop(by: string): void;

  /** The process cannot go on: the same ordered stop, exit code 1. */
  fatal(error: unknown): void;

  /** The report so far, once a stop has begun: for the store and for gauges. */
  reportSoFar(): ShutdownReport | undefined;

  /** What is left of the present phase's budget, in ms. */
  budgetLeftMs(): number | undefined;
}

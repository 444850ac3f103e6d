/**
 * Waiting for background work, apart from cancelling it.
 *
 * Invariants
 * - After `close`, `spawn` throws: nothing joins a group that is being drained.
 * - `join` ends by its deadline, whatever the tasks do.
 * - A task's error is kept in `failures` and in its outcome: never an unhandled
 *   rejection, never replaced by a later one.
 * - A settled task leaves nothing at the scope.
 *
 * Not promised: that a task obeys its signal. One that does not is named in
 * `pending` and left behind.
 *
 * @module
 */

import type { CancelScope } from "./cancel_scope.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Deadline } from "./deadline.ts";
import {
  DrainTimeoutError,
  type ShutdownReason,
  StopError,
  TaskGroupClosedError,
  toError,
} from "./errors.ts";

/** Small string facts of a task, spread into the report. */
export type TaskLabels = Readonly<Record<string, string>>;

/** A task that has not settled. */
export interface PendingTask {
  /** Path-like name, group first. */
  readonly name: string;
  /** Age in ms. */
  readonly ageMs: number;
  /** Last step that it reported. */
  readonly step?: string;
  /** How long it has been at that step (or alive), in ms. */
  readonly stepAgeMs: number;
  /** Labels given at spawn and with its steps. */
  readonly labels: TaskLabels;
}

/** What a task gets. */
export interface TaskContext {
  /** Hard: give up now. */
  readonly signal: AbortSignal;
  /** Soft: take no new work, finish what you have. */
  readonly stopping: AbortSignal;
  /** Reports the step that begins now, and labels that are known by now. */
  progress(step: string, labels?: TaskLabels): void;
}

/** How a task ended. */
export type TaskOutcome<T = unknown> =
  | { readonly status: "done"; readonly value: T }
  | { readonly status: "failed"; readonly error: Error }
  | { readonly status: "aborted"; readonly reason: Error };

/** A running task. */
export interface TaskHandle<T = unknown> {
  /** Path-like name, group first. */
  readonly name: string;
  /** Resolves when the task has settled; never rejects. */
  readonly done: Promise<TaskOutcome<T>>;
}

/** A task that failed. */
export interface TaskFailure {
  /** Path-like name, group first. */
  readonly task: string;
  /** What it threw. */
  readonly error: Error;
}

/** How a group is made. */
export interface TaskGroupOptions {
  /** First part of each task's name. */
  readonly name: string;
  /** Source of ages and deadlines; default: the system's. */
  readonly clock?: Clock;
  /** Hard cancellation, as `lifecycle.hard`; the group makes a child of it. */
  readonly scope: CancelScope;
  /** Soft cancellation, handed to each task. */
  readonly stopping: AbortSignal;
  /** Called for each failed task; a throw in it is ignored. */
  readonly onTaskError?: (failure: TaskFailure) => void;
}

/** How a task is spawned. */
export interface SpawnOptions {
  /** Labels known from the beginning. */
  readonly labels?: TaskLabels;
}

/** `failures` keeps this many, the first ones; `failureCount` counts all. */
export const KEPT_FAILURES = 100;

/** How long disposing a group waits for its aborted tasks, in ms. */
export const DISPOSE_TIMEOUT_MS = 1000;

interface Entry {
  readonly name: string;
  readonly startedAt: number;
  step: string | undefined;
  stepAt: number;
  labels: TaskLabels;
}

/** A set of background tasks with one end. */
export class TaskGroup implements AsyncDisposable {
  /** First part of each task's name. */
  readonly name: string;
  readonly #clock: Clock;
  readonly #scope: CancelScope;
  readonly #stopping: AbortSignal;
  readonly #onTaskError: ((failure: TaskFailure) => void) | undefined;
  readonly #entries = new Set<Entry>();
  readonly #failures: TaskFailure[] = [];
  readonly #idleHooks = new Set<() => void>();
  #failureCount = 0;
  #closed = false;

  /** Makes an open, empty group. */
  constructor(options: TaskGroupOptions) {
    this.name = options.name;
    this.#clock = options.clock ?? systemClock;
    this.#scope = options.scope.child(options.name);
    this.#stopping = options.stopping;
    this.#onTaskError = options.onTaskError;
  }

  /** Number of tasks that have not settled. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether `spawn` throws. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The first {@link KEPT_FAILURES} failures, in order. */
  get failures(): readonly TaskFailure[] {
    return this.#failures;
  }

  /** How many tasks have failed. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /**
   * Starts `fn` at once and keeps it until it settles.
   *
   * @throws {TaskGroupClosedError} after `close`.
   */
  spawn<T>(
    name: string,
    fn: (context: TaskContext) => Promise<T> | T,
    options: SpawnOptions = {},
  ): TaskHandle<T> {
    const path = `${this.name}/${name}`;
    if (this.#closed) throw new TaskGroupClosedError(this.name, path);
    const now = this.#clock.now();
    const entry: Entry = {
      name: path,
      startedAt: now,
      step: undefined,
      stepAt: now,
      labels: options.labels ?? {},
    };
    this.#entries.add(entry);
    return { name: path, done: this.#run(entry, this.#scope.child(name), fn) };
  }

  /** From now on `spawn` throws. Running tasks go on. */
  close(): void {
    this.#closed = true;
    this.#disposeWhenOver();
  }

  /** Closes the group and aborts the hard signal of every task. */
  abort(reason: Error): void {
    this.#closed = true;
    this.#scope.abort(reason);
    this.#disposeWhenOver();
  }

  /**
   * Resolves as soon as no task is left. Aborts nothing. On an open group it
   * also waits for tasks spawned meanwhile: close first.
   *
   * @throws {DrainTimeoutError} when tasks are left at the deadline.
   */
  join(deadline: Deadline): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.size === 0) return resolve();
      const onIdle = () => {
        timer?.cancel();
        resolve();
      };
      this.#idleHooks.add(onIdle);
      const left = deadline.remaining();
      const timer = left === Infinity ? undefined : this.#clock.after(
        left,
        () => {
          this.#idleHooks.delete(onIdle);
          reject(new DrainTimeoutError(this.name, this.pending()));
        },
      );
    });
  }

  /** The tasks that have not settled, oldest first. */
  pending(): PendingTask[] {
    const now = this.#clock.now();
    return Array.from(this.#entries, (entry) => ({
      name: entry.name,
      ageMs: now - entry.startedAt,
      step: entry.step,
      stepAgeMs: now - entry.stepAt,
      labels: entry.labels,
    }));
  }

  /**
   * Closes, aborts, and waits up to {@link DISPOSE_TIMEOUT_MS}.
   *
   * @throws {DrainTimeoutError} when a task ignores its signal.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const reason: ShutdownReason = {
      kind: "requested",
      by: `the end of task group ${this.name}`,
    };
    this.abort(new StopError(reason));
    await this.join(Deadline.from(this.#clock, DISPOSE_TIMEOUT_MS));
  }

  async #run<T>(
    entry: Entry,
    scope: CancelScope,
    fn: (context: TaskContext) => Promise<T> | T,
  ): Promise<TaskOutcome<T>> {
    try {
      const value = await fn({
        signal: scope.signal,
        stopping: this.#stopping,
        progress: (step, labels) => {
          entry.step = step;
          entry.stepAt = this.#clock.now();
          if (labels) entry.labels = { ...entry.labels, ...labels };
        },
      });
      return { status: "done", value };
    } catch (thrown) {
      const error = toError(thrown);
      const { reason } = scope;
      if (reason !== undefined && isAbort(error, reason)) {
        return { status: "aborted", reason };
      }
      this.#fail({ task: entry.name, error });
      return { status: "failed", error };
    } finally {
      scope[Symbol.dispose]();
      this.#entries.delete(entry);
      if (this.size === 0) this.#notifyIdle();
    }
  }

  #fail(failure: TaskFailure): void {
    this.#failureCount++;
    if (this.#failures.length < KEPT_FAILURES) this.#failures.push(failure);
    try {
      this.#onTaskError?.(failure);
    } catch {
      // The failure is kept above; its observer's own error must not mask it.
    }
  }

  #notifyIdle(): void {
    const hooks = [...this.#idleHooks];
    this.#idleHooks.clear();
    for (const hook of hooks) hook();
    this.#disposeWhenOver();
  }

  #disposeWhenOver(): void {
    if (this.#closed && this.size === 0) this.#scope[Symbol.dispose]();
  }
}

function isAbort(error: Error, reason: Error): boolean {
  return error === reason || error.cause === reason ||
    error.name === "AbortError";
}

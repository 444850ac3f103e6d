/**
 * The state machine of a process's life; the only place that changes its state.
 *
 * Invariants
 * - Starting -> Ready -> Draining -> Stopping -> Stopped | Failed, never back;
 *   a stop during the start skips Ready and Draining.
 * - One stop per life: the first reason wins; a later fatal error is still
 *   reported and makes the exit code 1.
 * - Exit code, in this order: 128+n forced by a further signal; 1 failed start
 *   or fatal error; 3 running work was cut off; 0 otherwise.
 * - At the end no timer, listener or subscription is left.
 *
 * Not promised: that the process ends. The entry point does that with the
 * report's exit code (exit.ts). A hook that blocks the event loop blocks this
 * machine too; the watchdog is for that.
 *
 * @module
 */

import { CancelScope } from "./cancel_scope.ts";
import { type Clock, systemClock, type Timer } from "./clock.ts";
import type { Deadline } from "./deadline.ts";
import {
  describeReason,
  NotReadyError,
  reasonLabel,
  type ShutdownReason,
  StopError,
  toError,
} from "./errors.ts";
import { SignalCounter } from "./escalation.ts";
import {
  FORCE_MS,
  type Lifecycle,
  type LifecycleOptions,
  type LifecycleState,
  START_ABANDON_MS,
} from "./lifecycle.ts";
import { type LogFn, safeLog } from "./log.ts";
import { Mirror } from "./mirror.ts";
import {
  type Phase,
  type PhaseResult,
  runPhases,
  sumOfBudgets,
} from "./phases.ts";
import { boundedCall } from "./bounded.ts";
import {
  buildReport,
  phaseLogFields,
  reportToJson,
  type ShutdownReport,
} from "./report.ts";
import { type ReceivedSignal, SIGNALS } from "./signals.ts";
import { StartStack } from "./start_stack.ts";
import { logTasks } from "./task_dump.ts";
import type { PendingTask } from "./task_group.ts";

/** Makes the lifecycle of this process and begins to listen for its signals. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  return new Machine(options);
}

class Machine implements Lifecycle {
  readonly soft: CancelScope;
  readonly hard: CancelScope;
  readonly done: Promise<ShutdownReport>;
  readonly #options: LifecycleOptions;
  readonly #clock: Clock;
  readonly #log: LogFn;
  readonly #signals: Disposable;
  readonly #counter = new SignalCounter();
  readonly #starts: StartStack;
  readonly #mirror: Mirror;
  readonly #force = new AbortController();
  readonly #resolve: (report: ShutdownReport) => void;
  readonly #listeners = new Set<(state: LifecycleState) => void>();
  readonly #results: PhaseResult[] = [];
  #state: LifecycleState = "Starting";
  #phases: readonly Phase[] | undefined;
  #current: { phase: Phase; deadline: Deadline } | undefined;
  #stop: { reason: ShutdownReason; at: number; wallAt: number } | undefined;
  #fatalError: Error | undefined;
  #forced: { signal: string; code: number; over: Promise<void> } | undefined;
  #leftover: readonly PendingTask[] = [];
  #abandon: Timer | undefined;
  #unwinding = false;
  #report: ShutdownReport | undefined;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = safeLog(options.log);
    const onListenerError = (error: unknown, scope: string) =>
      this.#log("error", "abort listener threw", {
        scope,
        error: toError(error).message,
      });
    this.soft = new CancelScope("stopping", { onListenerError });
    this.hard = new CancelScope("hard", { onListenerError });
    this.#starts = new StartStack(this.#clock, this.#log);
    this.#mirror = new Mirror(this.#clock, options.watchdog, () => ({
      state: this.#state,
      reason: this.#stop && reasonLabel(this.#stop.reason),
      phase: this.#current?.phase.name,
      phaseLeftMs: this.budgetLeftMs(),
      budgetMs: this.#phases && sumOfBudgets(this.#phases),
      tasks: this.#tasks(),
    }));
    const { promise, resolve } = Promise.withResolvers<ShutdownReport>();
    this.done = promise;
    this.#resolve = resolve;
    this.#signals = options.signals.subscribe((each) => this.#onSignal(each));
  }

  get state(): LifecycleState {
    return this.#state;
  }

  get stopping(): AbortSignal {
    return this.soft.signal;
  }

  get reason(): ShutdownReason | undefined {
    return this.#stop?.reason;
  }

  onState(listener: (state: LifecycleState) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async run(startup: () => Promise<void> | void): Promise<ShutdownReport> {
    try {
      if (!this.#stop) await startup();
      if (!this.#phases && !this.#stop) throw new NotReadyError();
    } catch (thrown) {
      this.#onStartError(toError(thrown));
    }
    if (!this.#phases) this.#unwind();
    return await this.done;
  }

  async start<T>(
    name: string,
    begin: (stopping: AbortSignal) => Promise<T> | T,
    rollback?: (value: T) => Promise<void> | void,
  ): Promise<T> {
    this.#throwIfStopping();
    const value = await this.#starts.run(
      name,
      () => begin(this.stopping),
      rollback,
    );
    this.#throwIfStopping();
    return value;
  }

  ready(phases: readonly Phase[]): void {
    this.#throwIfStopping();
    this.#phases = phases;
    this.#starts.commit();
    this.#setState("Ready");
  }

  requestStop(by: string): void {
    this.#begin({ kind: "requested", by });
  }

  fatal(thrown: unknown): void {
    const error = toError(thrown);
    this.#log("error", "fatal error", {
      error: error.message,
      stack: error.stack,
    });
    this.#fatalError ??= error;
    this.#begin({ kind: "fatal", error });
  }

  reportSoFar(): ShutdownReport | undefined {
    if (!this.#stop || this.#report) return this.#report;
    return buildReport({
      reason: this.#stop.reason,
      startedAtMs: this.#stop.wallAt,
      durationMs: this.#clock.now() - this.#stop.at,
      forced: this.#forced,
      failed: this.#fatalError !== undefined,
      phases: [...this.#results],
      leftover: this.#leftover,
    });
  }

  budgetLeftMs(): number | undefined {
    return this.#current?.deadline.remaining();
  }

  #throwIfStopping(): void {
    if (this.#stop) throw new StopError(this.#stop.reason);
  }

  #tasks(): readonly PendingTask[] {
    const starting = this.#starts.running();
    try {
      return [...starting, ...(this.#options.tasks?.() ?? [])];
    } catch {
      return starting;
    }
  }

  #setState(state: LifecycleState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (thrown) {
        this.#log("error", "state listener threw", {
          state,
          error: toError(thrown).message,
        });
      }
    }
    this.#mirror.update();
  }

  #onSignal({ name, role, at }: ReceivedSignal): void {
    if (role === "ignore") {
      this.#log("debug", "signal ignored", { signal: name });
    } else if (role === "dump") {
      logTasks(this.#log, this, this.#current?.phase.name, this.#tasks());
    } else {
      const code = 128 + SIGNALS[name].number;
      const next = this.#counter.next(at);
      if (next === "stop") this.#begin({ kind: "signal", signal: name });
      else if (next === "force") this.#onForce(name, code);
      else if (next === "exit") {
        (this.#options.exit ?? Deno.exit)(code);
      }
    }
  }

  #onStartError(error: Error): void {
    if (this.#phases) this.fatal(error);
    else if (!this.#stop) {
      this.#log("error", "start failed", { error: error.message });
      this.#fatalError = error;
      this.#begin({ kind: "fatal", error });
    } else if (error.name !== "AbortError") {
      this.#log("warn", "start step failed while stopping", {
        error: error.message,
      });
    }
  }

  #begin(reason: ShutdownReason): void {
    if (this.#stop) return;
    this.#stop = {
      reason,
      at: this.#clock.now(),
      wallAt: this.#clock.wallNow(),
    };
    this.#setState(this.#phases ? "Draining" : "Stopping");
    this.#log("info", "shutdown started", {
      reason: reasonLabel(reason),
      detail: describeReason(reason),
    });
    this.#mirror.hold();
    this.soft.abort(new StopError(reason));
    if (this.#phases) this.#drain(this.#phases);
    else {
      this.#abandon = this.#clock.after(
        START_ABANDON_MS,
        () => this.#unwind(),
      );
    }
  }

  #unwind(): void {
    if (this.#unwinding) return;
    this.#unwinding = true;
    this.#abandon?.cancel();
    this.#leftover = this.#starts.running();
    this.#drain(this.#starts.unwind());
  }

  async #drain(phases: readonly Phase[]): Promise<void> {
    const reason = this.#stop?.reason ?? { kind: "requested", by: "itself" };
    await runPhases(phases, {
      clock: this.#clock,
      reason,
      force: this.#force.signal,
      onPhaseStart: (phase, deadline) => {
        this.#current = { phase, deadline };
        if (phase.stage === "close") this.#setState("Stopping");
        this.#mirror.update();
      },
      onPhaseBegun: (phase) => {
        if (phase.announce === "start") {
          this.#log("info", phase.message, { phase: phase.name });
        }
      },
      onPhaseEnd: (phase, result) => {
        this.#results.push(result);
        this.#leftover = [...this.#leftover, ...result.leftover];
        const early = phase.announce === "start";
        if (
          result.outcome !== "skipped" && !(early && result.outcome === "done")
        ) {
          const level = result.outcome === "done" ? "info" : "warn";
          this.#log(level, phase.message, phaseLogFields(result));
        }
        this.#current = undefined;
        this.#mirror.update();
      },
    });
    await this.#forced?.over;
    this.#finish(reason);
  }

  #onForce(signal: string, code: number): void {
    if (this.#report) return;
    this.#log("warn", "shutdown forced", { signal });
    this.#leftover = [...this.#leftover, ...this.#tasks()];
    const error = new StopError(
      { kind: "signal", signal },
      `Stop forced by a further ${signal}`,
    );
    this.hard.abort(error);
    const { onForce } = this.#options;
    const over = boundedCall(this.#clock, FORCE_MS, () => onForce?.(error))
      .then((failure) => {
        if (failure) {
          this.#log("warn", "force hook failed", { error: failure.message });
        }
      });
    this.#forced = { signal, code, over };
    this.#force.abort();
    if (!this.#phases) this.#unwind();
  }

  #finish(reason: ShutdownReason): void {
    const report = this.reportSoFar();
    if (!report) return;
    this.#report = report;
    this.#signals[Symbol.dispose]();
    this.hard.abort(new StopError(reason));
    this.#setState(report.exitCode === 1 ? "Failed" : "Stopped");
    this.#mirror[Symbol.dispose]();
    this.#listeners.clear();
    this.#log(
      report.exitCode === 0 ? "info" : "warn",
      "shutdown complete",
      { ...reportToJson(report) },
    );
    this.#resolve(report);
  }
}

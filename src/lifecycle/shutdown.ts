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

import { boundedCall } from "./bounded.ts";
import { CancelScope, type CancelScopeOptions } from "./cancel_scope.ts";
import { type Clock, systemClock, type Timer } from "./clock.ts";
import type { Deadline } from "./deadline.ts";
import {
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
import { type Phase, runPhases, sumOfBudgets } from "./phases.ts";
import type { ShutdownReport } from "./report.ts";
import { type ReceivedSignal, SIGNALS } from "./signals.ts";
import { StartStack } from "./start_stack.ts";
import { StateCell } from "./state_cell.ts";
import { StopRecord } from "./stop_record.ts";
import {
  listenerErrorLog,
  logComplete,
  logFatal,
  logPhaseBegun,
  logPhaseEnd,
  logStarted,
  logTasks,
} from "./stop_log.ts";
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
  readonly #scopes: CancelScopeOptions;
  readonly #signals: Disposable;
  readonly #counter = new SignalCounter();
  readonly #starts: StartStack;
  readonly #mirror: Mirror;
  readonly #force = new AbortController();
  readonly #resolve: (report: ShutdownReport) => void;
  readonly #cell: StateCell;
  #phases: readonly Phase[] | undefined;
  #current: { phase: Phase; deadline: Deadline } | undefined;
  #stop: StopRecord | undefined;
  #forcing: Promise<void> | undefined;
  #abandon: Timer | undefined;
  #unwinding = false;
  #report: ShutdownReport | undefined;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = safeLog(options.log);
    this.#cell = new StateCell(this.#log);
    this.#scopes = { onListenerError: listenerErrorLog(this.#log) };
    this.soft = new CancelScope("stopping", this.#scopes);
    this.hard = new CancelScope("hard", this.#scopes);
    this.#starts = new StartStack(this.#clock, this.#log);
    this.#mirror = new Mirror(this.#clock, options.watchdog, () => ({
      state: this.state,
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
    return this.#cell.state;
  }

  get stopping(): AbortSignal {
    return this.soft.signal;
  }

  get reason(): ShutdownReason | undefined {
    return this.#stop?.reason;
  }

  onState(listener: (state: LifecycleState) => void): Disposable {
    return this.#cell.onState(listener);
  }

  run(startup: () => Promise<void> | void): Promise<ShutdownReport> {
    this.#startUp(startup);
    return this.done;
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
    this.#setState("Ready");
  }

  requestStop(by: string): void {
    this.#begin({ kind: "requested", by });
  }

  fatal(thrown: unknown): void {
    const error = toError(thrown);
    logFatal(this.#log, error);
    this.#begin({ kind: "fatal", error });
    this.#stop?.addFatal(error);
  }

  reportSoFar(): ShutdownReport | undefined {
    return this.#report ?? this.#stop?.report();
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
    this.#cell.set(state);
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
      else if (next === "exit") (this.#options.exit ?? Deno.exit)(code);
    }
  }

  async #startUp(startup: () => Promise<void> | void): Promise<void> {
    try {
      if (!this.#stop) await startup();
      if (!this.#phases && !this.#stop) throw new NotReadyError();
    } catch (thrown) {
      this.#onStartError(toError(thrown));
    }
    if (!this.#phases) this.#unwind();
  }

  #onStartError(error: Error): void {
    if (this.#phases) this.fatal(error);
    else if (!this.#stop) {
      this.#log("error", "start failed", { error: error.message });
      this.#begin({ kind: "fatal", error });
    } else if (error.name !== "AbortError") {
      const { message } = error;
      this.#log("warn", "start step failed while stopping", { error: message });
    }
  }

  #begin(reason: ShutdownReason): void {
    if (this.#stop) return;
    this.#stop = new StopRecord(this.#clock, reason);
    this.#setState(this.#phases ? "Draining" : "Stopping");
    logStarted(this.#log, reason);
    this.#mirror.hold();
    this.soft.abort(new StopError(reason));
    if (this.#phases) this.#drain(this.#stop, this.#phases);
    else {
      const unwind = () => this.#unwind();
      this.#abandon = this.#clock.after(START_ABANDON_MS, unwind);
    }
  }

  #unwind(): void {
    if (this.#unwinding || !this.#stop) return;
    this.#unwinding = true;
    this.#abandon?.cancel();
    this.#stop.addLeftover(this.#starts.running());
    this.#drain(this.#stop, this.#starts.unwind());
  }

  async #drain(stop: StopRecord, phases: readonly Phase[]): Promise<void> {
    await runPhases(phases, {
      clock: this.#clock,
      reason: stop.reason,
      force: this.#force.signal,
      scopes: this.#scopes,
      onPhaseStart: (phase, deadline) => {
        this.#current = { phase, deadline };
        if (phase.stage === "close") this.#setState("Stopping");
        else this.#mirror.update();
      },
      onPhaseBegun: (phase) => logPhaseBegun(this.#log, phase),
      onPhaseEnd: (phase, result) => {
        stop.addPhase(result);
        this.#current = undefined;
        this.#mirror.update();
        logPhaseEnd(this.#log, phase, result);
      },
    });
    await this.#forcing;
    this.#finish(stop);
  }

  #onForce(signal: string, code: number): void {
    const stop = this.#stop;
    if (!stop || this.#report) return;
    this.#log("warn", "shutdown forced", { signal });
    stop.addForced({ signal, code });
    stop.addLeftover(this.#tasks());
    const why = `Stop forced by a further ${signal}`;
    const error = new StopError({ kind: "signal", signal }, why);
    this.hard.abort(error);
    this.#forcing = boundedCall(this.#clock, FORCE_MS, async () => {
      await this.#options.onForce?.(error);
    }).then((failure) => {
      if (!failure) return;
      this.#log("warn", "force hook failed", { error: failure.message });
    });
    this.#force.abort();
    if (!this.#phases) this.#unwind();
  }

  #finish(stop: StopRecord): void {
    const report = stop.report();
    this.#report = report;
    this.#signals[Symbol.dispose]();
    this.hard.abort(new StopError(stop.reason));
    this.#setState("Stopping");
    this.#setState(report.exitCode === 1 ? "Failed" : "Stopped");
    this.#cell[Symbol.dispose]();
    this.#mirror[Symbol.dispose]();
    logComplete(this.#log, report);
    this.#resolve(report);
  }
}

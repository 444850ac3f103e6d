/**
 * What is known about the stop so far.
 *
 * Invariants: the first reason and the first fatal error stay; a leftover is
 * kept once, as it was when it was first recorded.
 * Not promised: anything about the time before the stop.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { ShutdownReason } from "./errors.ts";
import type { PhaseResult } from "./phases.ts";
import type { ShutdownReport } from "./report.ts";
import type { PendingTask } from "./task_group.ts";

/** The further signal that forced the stop. */
export interface ForcedBy {
  /** Its name. */
  readonly signal: string;
  /** 128 + its number. */
  readonly code: number;
}

/** Collects the facts of one stop. */
export class StopRecord {
  /** Why the process stops. */
  readonly reason: ShutdownReason;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #startedAtMs: number;
  readonly #phases: PhaseResult[] = [];
  readonly #leftover = new Map<string, PendingTask>();
  #fatal: Error | undefined;
  #forcedBy: ForcedBy | undefined;

  /** The stop begins now. */
  constructor(clock: Clock, reason: ShutdownReason) {
    this.#clock = clock;
    this.reason = reason;
    this.#startedAt = clock.now();
    this.#startedAtMs = clock.wallNow();
    if (reason.kind === "fatal") this.#fatal = reason.error;
  }

  /** A fatal error came, before or during the stop. */
  addFatal(error: Error): void {
    this.#fatal ??= error;
  }

  /** A further signal forced the stop. */
  addForced(by: ForcedBy): void {
    this.#forcedBy ??= by;
  }

  /** A phase has ended. */
  addPhase(result: PhaseResult): void {
    this.#phases.push(result);
    this.addLeftover(result.leftover);
  }

  /**
   * Tasks were found running when they should not: one sample. What an earlier
   * sample had is kept as it was then. A name may stand for several tasks (all
   * calls of a method), and labels need not tell them apart: they are counted.
   */
  addLeftover(sample: readonly PendingTask[]): void {
    const seen = new Map<string, number>();
    for (const task of sample) {
      const kind = JSON.stringify([task.name, task.labels]);
      const nth = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, nth);
      const key = `${kind} ${nth}`;
      if (!this.#leftover.has(key)) this.#leftover.set(key, task);
    }
  }

  /** The report as of now; exit code: forced, fatal, cut off, 0. */
  report(): ShutdownReport {
    const verdict = this.#forcedBy
      ? { outcome: "forced" as const, exitCode: this.#forcedBy.code }
      : this.#fatal
      ? { outcome: "failed" as const, exitCode: 1 }
      : this.#phases.some((phase) => phase.cutOff)
      ? { outcome: "cut_off" as const, exitCode: 3 }
      : { outcome: "clean" as const, exitCode: 0 };
    return {
      reason: this.reason,
      ...(this.#forcedBy ? { forcedBy: this.#forcedBy.signal } : {}),
      ...(this.#fatal ? { error: this.#fatal } : {}),
      startedAtMs: this.#startedAtMs,
      durationMs: this.#clock.now() - this.#startedAt,
      ...verdict,
      phases: [...this.#phases],
      leftover: [...this.#leftover.values()],
    };
  }
}

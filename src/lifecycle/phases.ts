/**
 * The phases of a stop, in order, each with its own budget.
 *
 * Invariants
 * - Every phase runs, whatever an earlier one did: hang, throw, never settle.
 * - A phase ends by its budget, plus {@link END_ACTION_MS} when it needed its
 *   end-action; it never takes from a later one's time.
 * - The result has one entry per phase, in the order given.
 * - Only the `force` signal cuts the sequence short.
 *
 * Not promised: that the work of a phase that ran out has stopped. Its signal
 * was aborted; what it still does is its own affair.
 *
 * @module
 */

import { CancelScope, type CancelScopeOptions } from "./cancel_scope.ts";
import type { Clock } from "./clock.ts";
import { Deadline } from "./deadline.ts";
import {
  BudgetExceedsGraceError,
  DrainTimeoutError,
  PhaseTimeoutError,
  type ShutdownReason,
  StopError,
  toError,
} from "./errors.ts";
import type { PendingTask } from "./task_group.ts";

/** What an end-action may take, in ms. */
export const END_ACTION_MS = 250;

/** Room for end-actions and logging on top of the budgets, in ms. */
export const SLACK_MS = 2000;

/** Fields that a phase adds to its log line. */
export type PhaseDetails = Readonly<Record<string, unknown>>;

/** Name and budget of a phase: all that sums need. */
export interface PhaseBudget {
  /** Name in logs, report and metrics. */
  readonly name: string;
  /** What `run` may take, in ms. */
  readonly budgetMs: number;
}

/** One phase of the stop. */
export interface Phase extends PhaseBudget {
  /** Text of its log line. */
  readonly message: string;
  /**
   * When the line is written: `end` (default), with outcome and duration; or
   * `start`, right after the synchronous part of `run`, with the name only.
   */
  readonly announce?: "start" | "end";
  /** `drain` (default): still finishing work; `close`: releasing what it needs. */
  readonly stage?: "drain" | "close";
  /**
   * The work. `signal` is aborted when the budget ends or the stop is forced.
   * A rejection with {@link DrainTimeoutError} counts as having run out.
   */
  run(
    signal: AbortSignal,
    deadline: Deadline,
  ): Promise<PhaseDetails | void> | PhaseDetails | void;
  /** The work's own hard scope (`hard.child(name)`), aborted just before `atDeadline`. */
  readonly scope?: CancelScope;
  /**
   * The end-action when the budget ends or `run` fails; it has
   * {@link END_ACTION_MS}.
   */
  atDeadline?(
    signal: AbortSignal,
  ): Promise<PhaseDetails | void> | PhaseDetails | void;
  /** What is running; sampled when the budget ends, before anything is aborted. */
  leftover?(): readonly PendingTask[];
  /**
   * True: the phase is meant to last its whole budget (a lame duck), also when
   * its work fails; the budget's end is `done`, without end-action.
   */
  readonly untilBudget?: boolean;
  /** True: running out means that running work was cut off (default false). */
  readonly cutOff?: boolean;
  /** What a failure means for the exit code; default: `cutoff` if `cutOff`. */
  readonly failureExit?: "cutoff" | "warning";
}

/** How a phase ended; the last two only when the stop was forced. */
export type PhaseOutcome =
  | "done"
  | "timed_out"
  | "failed"
  | "forced"
  | "skipped";

/** Result of one phase. */
export interface PhaseResult {
  /** Name of the phase. */
  readonly phase: string;
  /** How it ended. */
  readonly outcome: PhaseOutcome;
  /** What it took, end-action included, in ms. */
  readonly durationMs: number;
  /** Why it timed out or failed, and what its end-action threw. */
  readonly errors: readonly Error[];
  /** Whether it means that running work was cut off. */
  readonly cutOff: boolean;
  /** What was running when the budget ended. */
  readonly leftover: readonly PendingTask[];
  /** Fields that the phase adds to its log line. */
  readonly details: PhaseDetails;
}

/** How phases are run. */
export interface RunPhasesOptions {
  /** Source of budgets. */
  readonly clock: Clock;
  /** Why the process stops; reason of the phases' aborts. */
  readonly reason: ShutdownReason;
  /** Aborted when the rest is to be given up. */
  readonly force?: AbortSignal;
  /** How the phases' own scopes are made. */
  readonly scopes?: CancelScopeOptions;
  /** Called just before a phase's `run`. */
  readonly onPhaseStart?: (phase: Phase, deadline: Deadline) => void;
  /** Called after the synchronous part of a phase's `run`. */
  readonly onPhaseBegun?: (phase: Phase) => void;
  /** Called when a phase has ended. */
  readonly onPhaseEnd?: (phase: Phase, result: PhaseResult) => void;
}

/** Sum of the budgets, in ms. */
export function sumOfBudgets(phases: readonly PhaseBudget[]): number {
  return phases.reduce((sum, { budgetMs }) => sum + budgetMs, 0);
}

/**
 * Checks that budgets plus {@link SLACK_MS} fit into the platform's grace.
 *
 * @throws {BudgetExceedsGraceError} when they do not.
 */
export function checkGrace(
  phases: readonly PhaseBudget[],
  graceMs: number,
): void {
  if (sumOfBudgets(phases) + SLACK_MS > graceMs) {
    throw new BudgetExceedsGraceError(phases, SLACK_MS, graceMs);
  }
}

/** Runs the phases in order; never rejects. */
export async function runPhases(
  phases: readonly Phase[],
  options: RunPhasesOptions,
): Promise<PhaseResult[]> {
  const results: PhaseResult[] = [];
  for (const phase of phases) {
    const result = options.force?.aborted
      ? resultOf(phase, { outcome: "skipped" })
      : await runPhase(phase, options);
    results.push(result);
    quietly(() => options.onPhaseEnd?.(phase, result));
  }
  return results;
}

type Settled =
  | { readonly kind: "done"; readonly details: PhaseDetails }
  | { readonly kind: "failed"; readonly error: Error };

async function runPhase(
  phase: Phase,
  { clock, reason, force, scopes, onPhaseStart, onPhaseBegun }:
    RunPhasesOptions,
): Promise<PhaseResult> {
  const startedAt = clock.now();
  const deadline = Deadline.from(clock, phase.budgetMs);
  using scope = new CancelScope(phase.name, scopes);
  quietly(() => onPhaseStart?.(phase, deadline));
  const work = settle(() => phase.run(scope.signal, deadline));
  quietly(() => onPhaseBegun?.(phase));
  const rest = <T>(of: Promise<T>) =>
    raceTimer(clock, deadline.remaining(), force, of);
  let first = await rest(work);
  const failed = typeof first === "object" && first.kind === "failed";
  // A lame duck that fails is one all the same: others still come to it.
  if (failed && phase.untilBudget) {
    const end = await rest(new Promise<never>(() => {}));
    if (end === "forced") first = end;
  }

  const abort = () =>
    scope.abort(
      new StopError(reason, `Phase ${phase.name} must give up now`),
    );
  const finish = (fields: Partial<PhaseResult>) =>
    resultOf(phase, { ...fields, durationMs: clock.now() - startedAt });

  if (first === "forced") {
    const leftover = sampleLeftover(phase);
    abort();
    return finish({ outcome: "forced", leftover });
  }
  if (first !== "timer" && first.kind === "done") {
    return finish({ outcome: "done", details: first.details });
  }
  if (first === "timer" && phase.untilBudget) {
    abort();
    return finish({ outcome: "done" });
  }
  const error = first === "timer"
    ? new PhaseTimeoutError(phase.name, phase.budgetMs)
    : first.error;
  const outcome = first === "timer" || error instanceof DrainTimeoutError
    ? "timed_out"
    : "failed";
  const leftover = sampleLeftover(phase, error);
  abort();
  phase.scope?.abort(
    new StopError(reason, `Phase ${phase.name} ${outcome}: give up now`),
  );
  const errors = [error];
  let details: PhaseDetails = {};
  const action = settle(() => phase.atDeadline?.(scope.signal));
  const end = await raceTimer(clock, END_ACTION_MS, force, action);
  if (end === "timer") {
    errors.push(new PhaseTimeoutError(`${phase.name} (end)`, END_ACTION_MS));
  } else if (end !== "forced" && end.kind === "failed") {
    errors.push(end.error);
  } else if (end !== "forced") {
    details = end.details;
  }
  return finish({ outcome, errors, leftover, details });
}

function resultOf(phase: Phase, fields: Partial<PhaseResult>): PhaseResult {
  const outcome = fields.outcome ?? "done";
  const onFailure = phase.failureExit ?? (phase.cutOff ? "cutoff" : "warning");
  return {
    phase: phase.name,
    outcome,
    durationMs: fields.durationMs ?? 0,
    errors: fields.errors ?? [],
    cutOff: outcome === "timed_out"
      ? phase.cutOff ?? false
      : outcome === "failed" && onFailure === "cutoff",
    leftover: fields.leftover ?? [],
    details: fields.details ?? {},
  };
}

/** Runs `fn`, also when it throws synchronously; never rejects. */
async function settle(
  fn: () => Promise<PhaseDetails | void> | PhaseDetails | void,
): Promise<Settled> {
  try {
    return { kind: "done", details: (await fn()) ?? {} };
  } catch (thrown) {
    return { kind: "failed", error: toError(thrown) };
  }
}

function raceTimer<T>(
  clock: Clock,
  ms: number,
  force: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T | "timer" | "forced"> {
  return new Promise((resolve) => {
    const end = (value: T | "timer" | "forced") => {
      timer.cancel();
      force?.removeEventListener("abort", onForce);
      resolve(value);
    };
    const onForce = () => end("forced");
    const timer = clock.after(ms, () => end("timer"));
    if (force?.aborted) return onForce();
    force?.addEventListener("abort", onForce, { once: true });
    work.then(end);
  });
}

function sampleLeftover(phase: Phase, error?: Error): readonly PendingTask[] {
  try {
    const sample = phase.leftover?.();
    if (sample !== undefined) return sample;
  } catch {
    // The report goes without it; a stop must not fail over its own report.
  }
  return error instanceof DrainTimeoutError ? error.leftover : [];
}

function quietly(fn: () => void): void {
  try {
    fn();
  } catch {
    // Observers cannot disturb the sequence.
  }
}

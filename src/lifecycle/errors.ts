/**
 * Why a process stops, and one error class per condition of this package.
 *
 * Invariant: every abort reason is an `Error` named `AbortError`: `fetch` and
 * most libraries reject with the reason itself and test that name.
 * Not promised: that the reason survives a library that wraps what it catches.
 *
 * @module
 */

import type { PendingTask } from "./task_group.ts";

/** Why the process stops. */
export type ShutdownReason =
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "fatal"; readonly error: Error }
  | { readonly kind: "requested"; readonly by: string };

/** A short, low-cardinality name: the signal, `fatal` or `requested`. */
export function reasonLabel(reason: ShutdownReason): string {
  return reason.kind === "signal" ? reason.signal : reason.kind;
}

/** One sentence for people: the signal, the error's message, or who asked. */
export function describeReason(reason: ShutdownReason): string {
  switch (reason.kind) {
    case "signal":
      return `received ${reason.signal}`;
    case "fatal":
      return `fatal error: ${reason.error.message}`;
    case "requested":
      return `requested by ${reason.by}`;
  }
}

/** Turns anything that was thrown into an `Error`, keeping it as the cause. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error && hasText(thrown)
    ? thrown
    : new Error(`Non-error thrown: ${textOf(thrown)}`, { cause: thrown });
}

/** Its message may be a getter, and throw. */
function hasText(error: Error): boolean {
  try {
    return typeof error.message === "string" &&
      (error.stack === undefined || typeof error.stack === "string");
  } catch {
    return false;
  }
}

/** An object without a prototype, say, has no text, and asking for it throws. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `${typeof thrown} without a text`;
  }
}

/** The reason of every abort that a stop causes. */
export class StopError extends Error {
  /** What started the stop. */
  readonly reason: ShutdownReason;

  /** `message` defaults to the description of `reason`. */
  constructor(reason: ShutdownReason, message?: string) {
    super(message ?? `Stopping: ${describeReason(reason)}`);
    this.name = "AbortError";
    this.reason = reason;
  }
}

/** `spawn` was called on a group that is closed. */
export class TaskGroupClosedError extends Error {
  /** Name of the group. */
  readonly group: string;

  /** Names the group and the task that was refused. */
  constructor(group: string, task: string) {
    super(
      `Cannot spawn ${task}: task group ${group} is closed (leave the work to the next start)`,
    );
    this.name = "TaskGroupClosedError";
    this.group = group;
  }
}

/** Tasks were still running when the deadline of `join` came. */
export class DrainTimeoutError extends Error {
  /** The tasks that were still running, oldest first. */
  readonly leftover: readonly PendingTask[];

  /** Names the group and how many tasks are left. */
  constructor(group: string, leftover: readonly PendingTask[]) {
    const first = leftover.slice(0, 3).map((task) => task.name).join(", ");
    super(
      `Cannot drain ${group}: ${leftover.length} task(s) still running at the deadline (${first}${
        leftover.length > 3 ? ", ..." : ""
      })`,
    );
    this.name = "DrainTimeoutError";
    this.leftover = leftover;
  }
}

/** A phase of the stop ran out of its budget. */
export class PhaseTimeoutError extends Error {
  /** Name of the phase. */
  readonly phase: string;
  /** Its budget, in ms. */
  readonly budgetMs: number;

  /** Names the phase and its budget in ms. */
  constructor(phase: string, budgetMs: number) {
    super(`Phase ${phase} did not end within its budget of ${budgetMs} ms`);
    this.name = "PhaseTimeoutError";
    this.phase = phase;
    this.budgetMs = budgetMs;
  }
}

/** The phases' budgets do not fit into the grace that the platform gives. */
export class BudgetExceedsGraceError extends Error {
  /** Sum of all budgets plus slack, in ms. */
  readonly neededMs: number;
  /** What the platform gives, in ms. */
  readonly graceMs: number;

  /** Names each budget, the sum, the slack and the grace, all in ms. */
  constructor(
    budgets: readonly { readonly name: string; readonly budgetMs: number }[],
    slackMs: number,
    graceMs: number,
  ) {
    const sum = budgets.reduce((total, { budgetMs }) => total + budgetMs, 0);
    const terms = budgets.map((b) => `${b.name} ${b.budgetMs}`).join(" + ");
    super(
      `Cannot stop within the grace: budgets ${terms} = ${sum} ms + slack ${slackMs} ms = ${
        sum + slackMs
      } ms, but the grace is ${graceMs} ms (shorten a budget or raise the grace)`,
    );
    this.name = "BudgetExceedsGraceError";
    this.neededMs = sum + slackMs;
    this.graceMs = graceMs;
  }
}

/** The start was left without `ready` having been called. */
export class NotReadyError extends Error {
  /** No parameters: the message says what to change. */
  constructor() {
    super(
      "Cannot run: the start function returned without calling ready (call lifecycle.ready(phases) as its last step)",
    );
    this.name = "NotReadyError";
  }
}

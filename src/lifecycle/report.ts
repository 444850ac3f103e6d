/**
 * What a stop did, for people, machines and the next start.
 *
 * Invariants: the JSON form is flat, snake_case and free of cycles; a truncated
 * report is valid JSON within its limit and keeps reason and exit code.
 * Not promised: that a truncated report names every leftover; it says how many
 * it left out.
 *
 * @module
 */

import { describeReason, reasonLabel, type ShutdownReason } from "./errors.ts";
import type { PhaseResult } from "./phases.ts";
import type { PendingTask } from "./task_group.ts";

/** How the stop as a whole went. */
export type ShutdownOutcome = "clean" | "cut_off" | "failed" | "forced";

/** What a stop did. */
export interface ShutdownReport {
  /** What started the stop. */
  readonly reason: ShutdownReason;
  /** The signal that forced it, if one did. */
  readonly forcedBy?: string;
  /** The first fatal error, also when something else started the stop. */
  readonly error?: Error;
  /** Wall time of its beginning, ms since the epoch. */
  readonly startedAtMs: number;
  /** What it took (so far), in ms. */
  readonly durationMs: number;
  /** The process's exit code. */
  readonly exitCode: number;
  /** How it went. */
  readonly outcome: ShutdownOutcome;
  /** The phases that have ended, in order. */
  readonly phases: readonly PhaseResult[];
  /** What was running when its phase ran out, or when the stop was forced. */
  readonly leftover: readonly PendingTask[];
}

/** A phase in JSON. */
export interface PhaseJson {
  /** Name of the phase. */
  readonly phase: string;
  /** How it ended. */
  readonly outcome: string;
  /** What it took, in ms. */
  readonly duration_ms: number;
  /** First error, then what its end-action threw. */
  readonly error?: string;
}

/** A leftover task in JSON; its labels are spread beside these fields. */
export interface LeftoverJson {
  /** Path-like name of the task. */
  readonly task: string;
  /** Last reported step. */
  readonly step?: string;
  /** Age in ms. */
  readonly age_ms: number;
  /** Labels of the task. */
  readonly [label: string]: string | number | undefined;
}

/** {@link ShutdownReport} as it is logged and stored. */
export interface ReportJson {
  /** The signal, `fatal` or `requested`. */
  readonly reason: string;
  /** The reason in words. */
  readonly detail: string;
  /** The signal that forced the stop. */
  readonly forced_by?: string;
  /** The first fatal error's message. */
  readonly error?: string;
  /** RFC 3339, UTC. */
  readonly started_at: string;
  /** What the stop took, in ms. */
  readonly duration_ms: number;
  /** The process's exit code. */
  readonly exit_code: number;
  /** How it went. */
  readonly outcome: string;
  /** All phases, in order. */
  readonly phases: readonly PhaseJson[];
  /** What was left running. */
  readonly leftover: readonly LeftoverJson[];
  /** How many leftovers were dropped to fit a size limit. */
  readonly leftover_omitted?: number;
}

/** A duration as it is logged: ms, rounded to whole ones. */
export function roundMs(ms: number): number {
  return Math.round(ms);
}

/** The JSON form of a leftover task. A label cannot replace a fixed field. */
export function leftoverToJson(task: PendingTask): LeftoverJson {
  return {
    ...task.labels,
    task: task.name,
    ...(task.step === undefined ? {} : { step: task.step }),
    age_ms: roundMs(task.ageMs),
  };
}

/** The JSON form of a phase's result. */
export function phaseToJson(result: PhaseResult): PhaseJson {
  const error = result.errors.map((each) => each.message).join("; ");
  return {
    phase: result.phase,
    outcome: result.outcome,
    duration_ms: roundMs(result.durationMs),
    ...(error === "" ? {} : { error }),
  };
}

/** The JSON form of a report. */
export function reportToJson(report: ShutdownReport): ReportJson {
  return {
    reason: reasonLabel(report.reason),
    detail: describeReason(report.reason),
    ...(report.forcedBy === undefined ? {} : { forced_by: report.forcedBy }),
    ...(report.error === undefined ? {} : { error: report.error.message }),
    started_at: new Date(report.startedAtMs).toISOString(),
    duration_ms: roundMs(report.durationMs),
    exit_code: report.exitCode,
    outcome: report.outcome,
    phases: report.phases.map(phaseToJson),
    leftover: report.leftover.map(leftoverToJson),
  };
}

const encoder = new TextEncoder();

/**
 * The JSON text of a report in at most `maxBytes` bytes of UTF-8 (Kubernetes
 * cuts a termination message at 4096). Gives up, in this order: leftovers from
 * the end, the length of texts, the phases.
 *
 * @throws {RangeError} when not even reason and exit code fit (below 256).
 */
export function truncateReport(
  report: ShutdownReport | ReportJson,
  maxBytes: number,
): string {
  return JSON.stringify(fitReport(report, maxBytes));
}

/**
 * A report whose JSON text has at most `maxBytes` bytes of UTF-8. Gives up, in
 * this order: leftovers from the end, the length of texts, the phases.
 *
 * @throws {RangeError} when not even reason and exit code fit (below 256).
 */
export function fitReport(
  report: ShutdownReport | ReportJson,
  maxBytes: number,
): ReportJson {
  if (maxBytes < 256) {
    throw new RangeError(
      `Cannot truncate a report to ${maxBytes} bytes: 256 is the least`,
    );
  }
  const full = "exitCode" in report ? reportToJson(report) : report;
  const size = (value: ReportJson) =>
    encoder.encode(JSON.stringify(value)).length;
  if (size(full) <= maxBytes) return full;

  const withLeftover = (base: ReportJson, kept: number): ReportJson => ({
    ...base,
    leftover: full.leftover.slice(0, kept),
    leftover_omitted: (full.leftover_omitted ?? 0) +
      full.leftover.length - kept,
  });
  const short: ReportJson = {
    ...full,
    reason: cut(full.reason, 16),
    detail: cut(full.detail, 80),
    ...(full.error === undefined ? {} : { error: cut(full.error, 80) }),
    phases: full.phases.map((phase) => ({
      ...phase,
      phase: cut(phase.phase, 20),
      ...(phase.error === undefined ? {} : { error: cut(phase.error, 80) }),
    })),
  };
  for (const base of [full, short]) {
    if (size(withLeftover(base, 0)) > maxBytes) continue;
    let fits = 0;
    let tooMany = full.leftover.length + 1;
    while (tooMany - fits > 1) {
      const middle = (fits + tooMany) >> 1;
      if (size(withLeftover(base, middle)) <= maxBytes) fits = middle;
      else tooMany = middle;
    }
    return withLeftover(base, fits);
  }
  return {
    reason: cut(full.reason, 16),
    detail: "",
    started_at: full.started_at,
    duration_ms: full.duration_ms,
    exit_code: full.exit_code,
    outcome: full.outcome,
    phases: [],
    leftover: [],
    leftover_omitted: full.leftover.length,
  };
}

// Cuts by code points, so that no surrogate is left alone, and keeps only what
// JSON does not escape: the limit is in bytes.
function cut(text: string, max: number): string {
  return Array.from(text).slice(0, max).join("").replaceAll(
    /[^\x20-\x7e]|["\\]/g,
    "?",
  );
}

/**
 * The stop's report beyond the process: kept in the store for the next start.
 *
 * A process that is killed leaves no report of its own; so each start leaves a record that says `died`, and an
 * orderly stop puts its report after it. The newest record is always about the newest process.
 */
import {
  type ReportJson,
  reportToJson,
  type ShutdownReport,
} from "@oms/lifecycle";
import { z } from "zod";
import type { LastShutdown } from "../telemetry/metrics.ts";

const Record = z.object({
  reason: z.string(),
  outcome: z.string(),
  exit_code: z.number(),
  duration_ms: z.number(),
  phases: z.array(z.object({ phase: z.string(), duration_ms: z.number() })),
  leftover: z.array(z.object({ task: z.string() })),
});

const DIED = "died";

/** The record that a start leaves: true until the process has stopped in order. */
export function diedRecord(startedAt: Date): string {
  const record: ReportJson = {
    reason: "unknown",
    detail: "the process ended without a report: killed, or crashed",
    started_at: startedAt.toISOString(),
    duration_ms: 0,
    exit_code: -1,
    outcome: DIED,
    phases: [],
    leftover: [],
  };
  return JSON.stringify(record);
}

/**
 * Null when the text tells of no stop: it is no record of this service; or it is the mark of the process that ran
 * when the copy was made which this start continues, and nobody knows how that one ended.
 */
export function lastStopIn(
  text: string,
  restored: boolean,
): LastShutdown | null {
  const last = parseRecord(text);
  return restored && last?.outcome === DIED ? null : last;
}

function parseRecord(text: string): LastShutdown | null {
  const parsed = Record.safeParse(parseJson(text));
  if (!parsed.success) return null;
  const { reason, outcome, exit_code, duration_ms, phases, leftover } =
    parsed.data;
  return {
    reason,
    outcome,
    exitCode: exit_code,
    durationMs: duration_ms,
    phases: phases.map(({ phase, duration_ms }) => ({
      phase,
      durationMs: duration_ms,
    })),
    leftoverSagas: leftover.filter(({ task }) => task.startsWith("sagas/"))
      .length,
  };
}

export function recordOf(report: ShutdownReport): string {
  return JSON.stringify(reportToJson(report));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

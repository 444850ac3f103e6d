/** A run's result: for machines as JSON, for people as a table and a progress line. */
import type { LoadRun } from "./run.ts";
import { type MethodReport, METHODS } from "./stats.ts";

export interface LoadReport {
  readonly mode: string;
  readonly seed: number;
  readonly duration_ms: number;
  readonly flows: number;
  /** Flows that ended by an error of the load tool itself. */
  readonly flows_failed: number;
  readonly calls: number;
  readonly calls_per_second: number;
  readonly methods: Readonly<Record<string, MethodReport>>;
  /** Codes of all attempts, retried ones included. */
  readonly attempt_codes: Readonly<Record<string, number>>;
}

export function reportOf(
  run: LoadRun,
  mode: string,
  seed: number,
): LoadReport {
  const { stats, elapsedMs } = run;
  const methods: Record<string, MethodReport> = {};
  for (const method of METHODS) {
    const report = stats.report(method, elapsedMs);
    if (report !== null) methods[method] = report;
  }
  return {
    mode,
    seed,
    duration_ms: Math.round(elapsedMs),
    flows: stats.flowsFinished,
    flows_failed: stats.flowsFailed,
    calls: stats.calls,
    calls_per_second: Math.round(stats.calls / (elapsedMs / 1_000)),
    methods,
    attempt_codes: stats.attemptCodes,
  };
}

/** The closing table. Latencies in ms, from the moment a call was due. */
export function tableOf(report: LoadReport): string {
  const head = [
    "call",
    "calls",
    "per s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "max ms",
    "retries",
    "codes",
  ];
  const rows = Object.entries(report.methods).map(([method, row]) => [
    method,
    String(row.calls),
    row.per_second.toFixed(1),
    row.p50_ms.toFixed(1),
    row.p95_ms.toFixed(1),
    row.p99_ms.toFixed(1),
    row.max_ms.toFixed(1),
    String(row.retries),
    Object.entries(row.codes).map(([code, count]) => `${code} ${count}`)
      .join(", "),
  ]);
  const all = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0))
  );
  const line = (row: string[]) =>
    row.map((cell, column) =>
      column === 0 || column === row.length - 1
        ? cell.padEnd(widths[column] ?? 0)
        : cell.padStart(widths[column] ?? 0)
    ).join("  ").trimEnd();
  const seconds = (report.duration_ms / 1_000).toFixed(1);
  const failed = report.flows_failed > 0
    ? `, ${report.flows_failed} failed in this tool`
    : "";
  return [
    ...all.map(line),
    `${report.flows} flows (${report.mode}, seed ${report.seed}) in ${seconds} s: ` +
    `${report.calls} calls, ${report.calls_per_second} per s${failed}`,
  ].join("\n");
}

/** Where a run stands, in one line. */
export function progressOf({ stats, elapsedMs }: LoadRun): string {
  const seconds = elapsedMs / 1_000;
  return [
    `${seconds.toFixed(1).padStart(5)} s`,
    `${stats.flowsFinished} flows`,
    `${stats.calls} calls (${(stats.calls / seconds).toFixed(0)}/s)`,
    `${stats.inFlight} in flight`,
    `${stats.calls - stats.ok} not OK`,
    `p99 ${stats.p99Ms.toFixed(1)} ms`,
  ].join("  ");
}

/** Many chaos reports as one page. */
import type { ChaosReport } from "./report_schema.ts";
import { totalsOf } from "./long_state.ts";

/** @param reports in the order of the page */
export function pageOf(reports: readonly ChaosReport[]): string {
  const totals = totalsOf(reports);
  const rows = reports.map((report) => [
    report.at.slice(0, 10),
    `\`${report.commit ?? "-"}\`${report.modified ? ", modified" : ""}`,
    `\`${report.profile}\``,
    report.publisher,
    String(report.seed),
    String(report.rounds),
    String(report.sigterms),
    String(report.sigkills),
    String(report.stop_ms.p50),
    String(report.stop_ms.max),
    String(report.acknowledged),
    String(report.events.records),
    String(report.events.repeated),
    verdictOf(report),
  ]);
  const head = [
    "date",
    "commit",
    "profile",
    "events to",
    "seed",
    "rounds",
    "SIGTERM",
    "SIGKILL",
    "stop p50 ms",
    "stop max ms",
    "acknowledged",
    "events",
    "repeated",
    "verdict",
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const exits = Object.entries(exitsOf(reports))
    .map(([code, count]) => `${count} with ${code}`).join(", ");
  const failed = totals.failed === 0 ? "none" : String(totals.failed);
  return [
    "# Chaos report",
    "",
    "Made by `deno task chaos:report` from the reports in `docs/chaos/`. What a run",
    "does and what it holds against the service is in",
    "[operations](operations.md#chaos).",
    "",
    `Runs: ${reports.length}, failed: ${failed}. ${totals.rounds} rounds, ` +
    `${totals.sigterms} SIGTERMs, ${totals.sigkills} SIGKILLs, ` +
    `${totals.acknowledged} acknowledged calls. ` +
    `SIGTERMs that nothing interfered with ended: ${exits}; ` +
    `the slowest stop took ${totals.slowestStopMs} ms.`,
    "",
    "Times are of a machine with 2 cores that did other work as well: they are no",
    "measure of the service, only of its bounds.",
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
  ].join("\n");
}

function exitsOf(reports: readonly ChaosReport[]): Record<string, number> {
  const exits: Record<string, number> = {};
  for (const { exit_codes } of reports) {
    for (const [code, count] of Object.entries(exit_codes)) {
      exits[code] = (exits[code] ?? 0) + count;
    }
  }
  return exits;
}

function verdictOf({ ok, problems, violations }: ChaosReport): string {
  if (ok) return "ok";
  const found = Object.entries(problems).filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} ${count}`);
  return `FAILED: ${[...found, ...violations].join("; ")}`;
}

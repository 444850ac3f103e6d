/** What the check found, row by row. */
import type { ExternalStep } from "../../../src/orders/saga.ts";
import type { Answer } from "./player.ts";

export interface Row {
  readonly step: ExternalStep;
  readonly rule: string;
  /** `warn` is advice: the service copes. */
  readonly verdict: "ok" | "FAIL" | "warn" | "skip";
  /** What came instead, or why nothing was played. */
  readonly detail: string;
}

/** An answer in a few words. */
export function described({ result, exchanged }: Answer): string {
  const status = exchanged === null ? "no answer" : `HTTP ${exchanged.status}`;
  switch (result.kind) {
    case "done":
      return result.gone ? `${status}, gone` : `${status}, id ${result.id}`;
    case "declined":
      return `${status}, declined: ${result.reason}`;
    default:
      return `${status}, ${result.kind}: ${result.cause}`;
  }
}

export function table(rows: readonly Row[]): string {
  const width = (pick: (row: Row) => string) =>
    Math.max(0, ...rows.map((row) => pick(row).length));
  const steps = width(({ step }) => step);
  const rules = width(({ rule }) => rule);
  const lines = rows.map(({ verdict, step, rule, detail }) =>
    `${verdict.padEnd(4)}  ${step.padEnd(steps)}  ${
      rule.padEnd(rules)
    }  ${detail}`
      .trimEnd()
  );
  const count = (verdict: Row["verdict"]) =>
    rows.filter((row) => row.verdict === verdict).length;
  return [
    ...lines,
    `${count("ok")} ok, ${count("FAIL")} failed, ${count("warn")} to look at, ${
      count("skip")
    } skipped`,
  ].join("\n");
}

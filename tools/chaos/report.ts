/** A chaos run's result, for machines and in one line. */
import { type Verdict, verdictLine } from "../../tests/support/ledger/mod.ts";
import type { LoadStats } from "../load/stats.ts";
import type { Profile } from "./faults.ts";
import type { ChaosTally } from "./run.ts";

export interface ChaosReport {
  readonly seed: number;
  readonly profile: Profile;
  readonly rounds: number;
  readonly duration_ms: number;
  readonly sigterms: number;
  readonly sigkills: number;
  /** SIGTERMs that were left alone, by exit code. */
  readonly exit_codes: Readonly<Record<string, number>>;
  readonly stop_ms: Spread;
  readonly ready_ms: Spread;
  readonly resumed_sagas: number;
  readonly calls: number;
  /** Flows that ended by an error of the load tool itself. */
  readonly flows_failed: number;
  /** What the clients got, retried attempts included. */
  readonly attempt_codes: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly effects: number;
  readonly problems: Verdict["counts"];
  /** Stops with another exit code, or beyond their budget; what did not settle. */
  readonly violations: readonly string[];
  readonly ok: boolean;
}

interface Spread {
  readonly p50: number;
  readonly max: number;
}

export function reportOf(
  facts: {
    readonly seed: number;
    readonly profile: Profile;
    readonly durationMs: number;
    readonly tally: ChaosTally;
    readonly stats: LoadStats;
    readonly verdict: Verdict;
  },
): ChaosReport {
  const { tally, stats, verdict } = facts;
  return {
    seed: facts.seed,
    profile: facts.profile,
    rounds: tally.rounds,
    duration_ms: Math.round(facts.durationMs),
    sigterms: tally.sigterms,
    sigkills: tally.sigkills,
    exit_codes: tally.exits,
    stop_ms: spread(tally.stopMs),
    ready_ms: spread(tally.readyMs),
    resumed_sagas: tally.resumed,
    calls: stats.calls,
    flows_failed: stats.flowsFailed,
    attempt_codes: stats.attemptCodes,
    acknowledged: verdict.acknowledged,
    effects: verdict.effects,
    problems: verdict.counts,
    violations: tally.violations,
    ok: verdict.ok && tally.violations.length === 0 &&
      stats.flowsFailed === 0 && verdict.acknowledged > 0,
  };
}

/** The whole run in one line. */
export function summaryOf(report: ChaosReport, verdict: Verdict): string {
  const exits = Object.entries(report.exit_codes)
    .map(([code, count]) => `${count} x ${code}`).join(", ") || "none";
  return [
    `${
      report.ok ? "ok" : "FAILED"
    }: ${report.rounds} rounds of ${report.profile}, seed ${report.seed}, ` +
    `${(report.duration_ms / 1_000).toFixed(1)} s`,
    `${report.sigterms} SIGTERM (exits ${exits}; p50 ${report.stop_ms.p50} ms, max ${report.stop_ms.max} ms)`,
    `${report.sigkills} SIGKILL`,
    `${report.resumed_sagas} sagas resumed`,
    verdictLine(verdict),
  ].join(" · ");
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    p50: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    max: Math.round(sorted.at(-1) ?? 0),
  };
}

/** From what a chaos run has seen to its result, and that in one line. */
import { type Verdict, verdictLine } from "../../tests/support/ledger/mod.ts";
import type { LoadStats } from "../load/stats.ts";
import type { Published } from "../demo/stage.ts";
import type { Commit } from "./commit.ts";
import type { PartPlan } from "./part.ts";
import type { ChaosReport } from "./report_schema.ts";
import type { Tally } from "./tally.ts";

/**
 * What docs/client.md lets our clients see here. Not CANCELLED: no call ends so
 * because the service stops. Not NOT_FOUND: they only ask for what was created.
 */
const EXPECTED_CODES = new Set([
  "OK",
  "FAILED_PRECONDITION",
  "ABORTED",
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
]);

export function reportOf(
  facts: {
    readonly plan: PartPlan;
    readonly publisher: ChaosReport["publisher"];
    readonly commit: Commit;
    readonly at: Date;
    readonly durationMs: number;
    readonly tally: Tally;
    readonly stats: LoadStats;
    readonly verdict: Verdict;
    readonly published: Published;
  },
): ChaosReport {
  const { plan, commit, tally, stats, verdict } = facts;
  const violations = [
    ...tally.violations,
    ...unexpected(stats.attemptCodes, tally.sigkills),
  ];
  return {
    commit: commit.id,
    modified: commit.modified,
    at: facts.at.toISOString(),
    seed: plan.seed,
    profile: plan.profiles.join(","),
    publisher: facts.publisher,
    rounds: tally.rounds,
    duration_ms: Math.round(facts.durationMs),
    sigterms: tally.sigterms,
    sigkills: tally.sigkills,
    played: sorted(tally.played),
    exit_codes: tally.exits,
    stop_ms: spreadOf(tally.stopMs),
    ready_ms: spreadOf(tally.readyMs),
    points: { hit: tally.pointsHit, missed: tally.pointsMissed },
    resumed_sagas: tally.resumed,
    calls: stats.calls,
    flows_failed: stats.flowsFailed,
    attempt_codes: { ...stats.attemptCodes },
    events: { ...facts.published },
    acknowledged: verdict.acknowledged,
    effects: verdict.effects,
    problems: verdict.counts,
    parked: verdict.parked,
    violations,
    ok: verdict.ok && violations.length === 0 &&
      stats.flowsFailed === 0 && verdict.acknowledged > 0,
  };
}

/** The whole run in one line. */
export function summaryOf(report: ChaosReport): string {
  const exits = Object.entries(report.exit_codes)
    .map(([code, times]) => `${times} x ${code}`).join(", ") || "none";
  const seconds = (report.duration_ms / 1_000).toFixed(1);
  return [
    `${
      report.ok ? "ok" : "FAILED"
    }: ${report.rounds} rounds of ${report.profile}, seed ${report.seed}, ` +
    `${report.publisher}, ${seconds} s`,
    `${report.sigterms} SIGTERM (exits ${exits}; p50 ${report.stop_ms.p50} ms, max ${report.stop_ms.max} ms)`,
    `${report.sigkills} SIGKILL`,
    `${report.resumed_sagas} sagas resumed`,
    `${report.events.records} events, ${report.events.repeated} of them again`,
    verdictLine({ ...report, counts: report.problems }),
  ].join(" · ");
}

function unexpected(
  codes: Readonly<Record<string, number>>,
  sigkills: number,
): string[] {
  return Object.entries(codes)
    // What a connection that breaks in the middle of an answer looks like.
    .filter(([code]) => code !== "INTERNAL" || sigkills === 0)
    .filter(([code]) => !EXPECTED_CODES.has(code))
    .map(([code, times]) => `clients saw ${code} ${times} times`);
}

function sorted(record: Readonly<Record<string, number>>) {
  return Object.fromEntries(Object.entries(record).sort());
}

function spreadOf(values: readonly number[]) {
  const inOrder = values.toSorted((a, b) => a - b);
  return {
    p50: Math.round(inOrder[Math.floor(inOrder.length / 2)] ?? 0),
    max: Math.round(inOrder.at(-1) ?? 0),
  };
}

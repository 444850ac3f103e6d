/** A chaos run's result, for machines and in one line. */
import { z } from "zod";
import { verdictLine } from "../../tests/support/ledger/mod.ts";
import type { Verdict } from "../../tests/support/ledger/mod.ts";
import type { LoadStats } from "../load/stats.ts";
import type { Published } from "../demo/stage.ts";
import type { Commit } from "./commit.ts";
import type { PartPlan } from "./part.ts";
import type { Tally } from "./tally.ts";

const count = z.number().int().nonnegative();
const counts = z.record(z.string(), count);
const spread = z.object({ p50: count, max: count });

/** Times in ms. */
export const chaosReportSchema = z.object({
  /** Of the code that was run; null: outside of a repository. */
  commit: z.string().nullable(),
  /** True: files differed from that commit. */
  modified: z.boolean(),
  /** RFC 3339: the end of the run. */
  at: z.string(),
  seed: count,
  profile: z.string(),
  publisher: z.enum(["kafka", "file"]),
  rounds: count,
  duration_ms: count,
  sigterms: count,
  sigkills: count,
  /** Rounds by profile with its trouble, and ending. */
  played: counts,
  /** SIGTERMs that were left alone, by exit code. */
  exit_codes: counts,
  stop_ms: spread,
  ready_ms: spread,
  /** Planned ends at failpoints that came about, and those whose point was not passed. */
  points: z.object({ hit: count, missed: count }),
  resumed_sagas: count,
  calls: count,
  /** Flows that ended by an error of the load tool itself. */
  flows_failed: count,
  /** What the clients got, retried attempts included. */
  attempt_codes: counts,
  /** What consumers got; `repeated`: those that were there before, with the same id. */
  events: z.object({ records: count, repeated: count }),
  acknowledged: count,
  effects: count,
  problems: z.object({
    lost: count,
    duplicated: count,
    gap: count,
    wrong: count,
    unsettled: count,
  }),
  /** Stops with another exit code, or beyond their budget; what did not settle; what no client may see. */
  violations: z.array(z.string()),
  ok: z.boolean(),
});
export type ChaosReport = z.infer<typeof chaosReportSchema>;

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
  const canceled = stats.attemptCodes.CANCELLED ?? 0;
  const violations = [
    ...tally.violations,
    ...(canceled > 0 ? [`clients saw CANCELLED ${canceled} times`] : []),
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

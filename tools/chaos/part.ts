/**
 * One part of chaos from its first start to the verdict: what `chaos` plays
 * once and `chaos:long` many times.
 */
import { printVerdict } from "../../tests/support/ledger/mod.ts";
import { Stage } from "../demo/stage.ts";
import { showProgress } from "../load/progress.ts";
import { LoadStats } from "../load/stats.ts";
import type { Knobs } from "../providers/knobs.ts";
import { currentCommit } from "./commit.ts";
import {
  needsBroker,
  needsSmallDisk,
  needsWallClock,
  type Profiles,
} from "./profiles.ts";
import { reportOf, summaryOf } from "./report.ts";
import type { ChaosReport } from "./report_schema.ts";
import { type ChaosRun, startChaos } from "./run.ts";

export interface PartPlan {
  readonly seed: number;
  readonly rounds: number;
  readonly profiles: Profiles;
  /** Flows a second. */
  readonly rps: number;
  /** True: with a real broker, also when no profile needs one. */
  readonly kafka: boolean;
}

export interface PartResult {
  readonly report: ChaosReport;
  /** Where the records are; null when they were not kept. */
  readonly records: string | null;
}

/** Between two progress lines where there is no terminal. */
const PROGRESS_MS = 15_000;

const KNOBS: Partial<Knobs> = {
  latency_ms: 2,
  jitter_ms: 20,
  decline_rate: 0.03,
  unknown_rate: 0.03,
  hang_ms: 1_500,
};
const ENV = {
  OMS_PROVIDER_TIMEOUT: "500ms",
  OMS_SAGA_RETRY_MAX: "500ms",
  // Shorter than a long pause: it ends while the process stands still.
  OMS_SAGA_LEASE: "1s",
};
/** Answers and sent events outlast every jump: a start with the clock ahead looks like a service that was away. */
const CLOCK_ENV = {
  OMS_IDEMPOTENCY_TTL: "720h",
  OMS_OUTBOX_RETENTION: "720h",
};

/**
 * Plays, judges and says on stdout what was found; the records of a part that
 * failed are kept.
 *
 * @throws AbortError when `stopping` is aborted; Error when the machine lacks
 * what a profile needs or the service cannot be started
 */
export async function playPart(
  plan: PartPlan,
  stopping: AbortSignal,
): Promise<PartResult> {
  const began = performance.now();
  const commit = await currentCommit();
  await using stage = await Stage.open({
    name: "chaos",
    knobs: { ...KNOBS, seed: String(plan.seed) },
    env: needsWallClock(plan.profiles) ? { ...ENV, ...CLOCK_ENV } : ENV,
    kafka: plan.kafka || needsBroker(plan.profiles),
    smallDisk: needsSmallDisk(plan.profiles),
    wallClock: needsWallClock(plan.profiles),
  });
  try {
    const run = startChaos(stage, { ...plan, stopping });
    {
      using _ = showProgress(() => progressOf(run, plan), PROGRESS_MS);
      await run.done;
    }
    const { verdict, published } = await stage.judge();
    const report = reportOf({
      plan,
      publisher: stage.broker === null ? "file" : "kafka",
      commit,
      at: new Date(),
      durationMs: performance.now() - began,
      tally: run.tally,
      stats: run.load?.stats ?? new LoadStats(),
      verdict,
      published,
    });
    for (const violation of report.violations) console.log(violation);
    if (!verdict.ok) console.log(printVerdict(verdict));
    console.log(summaryOf(report));
    stage.keep = !report.ok;
    return { report, records: stage.keep ? stage.folder : null };
  } catch (error) {
    stage.keep = !stopping.aborted;
    if (stage.keep) console.error(`The records are in ${stage.folder}`);
    throw error;
  }
}

function progressOf({ load, tally }: ChaosRun, { rounds }: PartPlan): string {
  return [
    `round ${tally.rounds} of ${rounds}`,
    `${tally.sigterms} SIGTERM`,
    `${tally.sigkills} SIGKILL`,
    `${load?.stats.ok ?? 0} calls OK`,
    `${load?.stats.inFlight ?? 0} in flight`,
    `${tally.resumed} sagas resumed`,
    ...(tally.violations.length === 0
      ? []
      : [`${tally.violations.length} violations`]),
  ].join("  ");
}

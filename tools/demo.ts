/**
 * `deno task demo`: load, a SIGTERM in the middle of it, a restart, and the
 * ledger's verdict over everything that was acknowledged.
 *
 * Exit codes: 0 when nothing was lost, duplicated or left open and the stop was
 * in order, 1 otherwise, 2 for a wrong command line, 130 when interrupted. With `--sabotage` a defect is put into the records
 * before they are judged: it has to be found, exit 1.
 */
import { Option } from "commander";
import { systemClock } from "@oms/lifecycle";
import { printVerdict } from "../tests/support/ledger/mod.ts";
import { type Sabotage, SABOTAGES } from "../tests/support/ledger/sabotage.ts";
import {
  durationOption,
  parsePositive,
  seedOption,
  withoutSeparator,
} from "./client/parse.ts";
import { toolCommand } from "./client/usage.ts";
import { runTool } from "./demo/run_tool.ts";
import { Stage } from "./demo/stage.ts";
import { stopTimeline } from "./demo/timeline.ts";
import type { Interrupt } from "./load/interrupt.ts";
import { showProgress } from "./load/progress.ts";
import { seededRandom } from "./load/random.ts";
import { progressOf, reportOf, tableOf } from "./load/report.ts";
import { startLoad } from "./load/run.ts";

interface Flags {
  readonly rps: number;
  readonly duration: number;
  readonly seed: number;
  readonly sabotage?: Sabotage;
  readonly keep: boolean;
  readonly kafka: boolean;
}

const SETTLE_WITHIN_MS = 60_000;
const RETRIES = 200;
const CONCURRENCY = 96;
const ATTEMPT_DEADLINE_MS = 5_000;

function parseFlags(): Flags {
  return toolCommand("demo")
    .description("Load, SIGTERM in the middle, restart, and the verdict")
    .option("--rps <n>", "flows a second", parsePositive, 200)
    .addOption(durationOption("--duration <time>", "of the load", "8s"))
    .addOption(seedOption("of all chance", parsePositive))
    .addOption(
      new Option("--sabotage <what>", "a defect that the ledger has to find")
        .choices(SABOTAGES),
    )
    .option("--keep", "keep the records", false)
    .option("--kafka", "publish to a real broker (needs java and mvn)", false)
    .parse(withoutSeparator(Deno.args), { from: "user" })
    .opts<Flags>();
}

/** One line with the time since the start of the demo. */
function say(text: string): void {
  const seconds = (performance.now() / 1_000).toFixed(1).padStart(5);
  console.log(`${seconds} s  ${text}`);
}

async function play(
  stage: Stage,
  flags: Flags,
  { stopping, signal }: Interrupt,
): Promise<boolean> {
  await stage.start();
  const { grpcAddress, pid } = stage.service;
  say(`service is ready: pid ${pid}, gRPC ${grpcAddress}`);
  const run = startLoad({
    target: stage.target,
    recorder: stage.recorder,
    mode: "mixed",
    rps: flags.rps,
    durationMs: flags.duration,
    concurrency: CONCURRENCY,
    deadlineMs: ATTEMPT_DEADLINE_MS,
    retries: RETRIES,
    seed: flags.seed,
    stopping,
    signal,
  });
  const progress = showProgress(() => progressOf(run));
  let timeline: string;
  let inOrder: boolean;
  try {
    await systemClock.sleep(flags.duration / 2, stopping);
    const { service } = stage;
    say(`SIGTERM, with ${run.stats.inFlight} orders under way`);
    const { code } = await stage.stop();
    inOrder = code === 0 || code === 3;
    timeline = stopTimeline(await service.waitForLog("shutdown complete"));
    const down = performance.now();
    const ready = await stage.start();
    const gap = Math.round(performance.now() - down);
    say(
      `service is back after ${gap} ms: pid ${stage.service.pid}, ` +
        `resumes ${ready.resumed_sagas} sagas; the clients repeat with their keys`,
    );
    await run.done;
  } finally {
    progress[Symbol.dispose]();
  }
  stopping.throwIfAborted();
  say(
    await stage.settle(SETTLE_WITHIN_MS, stopping) ??
      "everything has settled",
  );
  await stage.stop();
  say("service is stopped; the ledger reads the records\n");

  const damage = flags.sabotage === undefined
    ? null
    : await stage.sabotage(flags.sabotage, seededRandom(flags.seed));
  const { verdict } = await stage.judge();
  console.log(`${tableOf(reportOf(run, "mixed", flags.seed))}\n`);
  console.log(`${timeline}\n`);
  if (damage !== null) console.log(`On purpose, ${damage}\n`);
  console.log(printVerdict(verdict));
  return verdict.ok && inOrder && run.stats.flowsFailed === 0;
}

async function main(interrupt: Interrupt): Promise<number> {
  const flags = parseFlags();
  await using stage = await Stage.open({
    name: "demo",
    kafka: flags.kafka,
    knobs: { latency_ms: 5, jitter_ms: 20, decline_rate: 0.02, seed: "demo" },
  });
  stage.keep = flags.keep;
  try {
    const ok = await play(stage, flags, interrupt);
    stage.keep ||= !ok && flags.sabotage === undefined;
    if (stage.keep) console.log(`\nThe records are in ${stage.folder}`);
    return ok ? 0 : 1;
  } catch (error) {
    if (!interrupt.stopping.aborted) {
      stage.keep = true;
      console.error(`The demo failed; its records are in ${stage.folder}`);
    }
    throw error;
  }
}

if (import.meta.main) Deno.exitCode = await runTool(main);

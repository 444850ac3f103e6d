/**
 * `deno task chaos`: SIGKILL and SIGTERM at random moments under load, with
 * clients that repeat with their keys and providers that sometimes give no
 * usable answer; then the ledger's verdict.
 *
 * Exit codes: 0 when every acknowledged intent had its effect once and every
 * stop kept the rules, 1 otherwise (the records are kept and named), 130 when
 * interrupted.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { printVerdict } from "../tests/support/ledger/mod.ts";
import { type Profile, PROFILES } from "./chaos/faults.ts";
import { reportOf, summaryOf } from "./chaos/report.ts";
import { type ChaosRun, startChaos } from "./chaos/run.ts";
import { withoutSeparator } from "./client/parse.ts";
import { Stage } from "./demo/stage.ts";
import { type Interrupt, onInterrupt } from "./load/interrupt.ts";
import { showProgress } from "./load/progress.ts";

interface Flags {
  readonly rounds: number;
  readonly seed: number;
  readonly profile: Profile;
  readonly rps: number;
  readonly report?: string;
}

function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError("a whole number of 1 or more is needed");
  }
  return value;
}

function parseFlags(): Flags {
  return new Command("chaos")
    .description("Kills and stops the service under load, then judges")
    .option("--rounds <n>", "faults", parseCount, 20)
    .option(
      "--seed <n>",
      "of faults and load (default: random)",
      parseCount,
      1 + (crypto.getRandomValues(new Uint16Array(1))[0] ?? 0),
    )
    .addOption(
      new Option("--profile <profile>", "which faults")
        .choices(PROFILES).default("mixed"),
    )
    .option("--rps <n>", "flows a second", parseCount, 80)
    .option("--report <file>", "write the result as JSON")
    .parse(withoutSeparator(Deno.args), { from: "user" })
    .opts<Flags>();
}

function progressOf({ load, tally }: ChaosRun, rounds: number): string {
  return [
    `round ${tally.rounds} of ${rounds}`,
    `${tally.sigterms} SIGTERM`,
    `${tally.sigkills} SIGKILL`,
    `${load.stats.ok} calls OK`,
    `${load.stats.inFlight} in flight`,
    `${tally.resumed} sagas resumed`,
  ].join("  ");
}

async function play(
  stage: Stage,
  flags: Flags,
  { stopping }: Interrupt,
): Promise<boolean> {
  const began = performance.now();
  const run = await startChaos(stage, { ...flags, stopping });
  {
    using _ = showProgress(() => progressOf(run, flags.rounds));
    await run.done;
  }
  const { verdict } = await stage.judge();
  const report = reportOf({
    ...flags,
    durationMs: performance.now() - began,
    tally: run.tally,
    stats: run.load.stats,
    verdict,
  });
  if (flags.report !== undefined) {
    const text = JSON.stringify(report, null, 2);
    await Deno.writeTextFile(flags.report, `${text}\n`);
  }
  for (const violation of report.violations) console.log(violation);
  if (!verdict.ok) console.log(printVerdict(verdict));
  console.log(summaryOf(report, verdict));
  return report.ok;
}

async function main(): Promise<number> {
  const flags = parseFlags();
  console.log(
    `chaos: seed ${flags.seed}, ${flags.rounds} rounds of ${flags.profile}, ${flags.rps} flows per s`,
  );
  using interrupt = onInterrupt(0);
  await using stage = await Stage.open({
    name: "chaos",
    knobs: {
      latency_ms: 2,
      jitter_ms: 20,
      decline_rate: 0.03,
      unknown_rate: 0.03,
      hang_ms: 1_500,
      seed: String(flags.seed),
    },
    env: {
      OMS_PROVIDER_TIMEOUT: "500ms",
      OMS_SAGA_RETRY_MAX: "500ms",
    },
  });
  try {
    const ok = await play(stage, flags, interrupt);
    if (!ok) {
      stage.keep = true;
      console.log(`The records are in ${stage.folder}`);
    }
    return ok ? 0 : 1;
  } catch (error) {
    if (interrupt.stopping.aborted) return 130;
    stage.keep = true;
    console.error(`The run failed; its records are in ${stage.folder}`);
    throw error;
  }
}

if (import.meta.main) Deno.exitCode = await main();

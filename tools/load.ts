/**
 * `deno task load` and `oms load`: puts load on a service and measures it.
 *
 * The table (or JSON) goes to stdout, progress to stderr. Exit codes: 0, 1 when
 * no call was answered OK or a flow failed in this tool, 2 for a wrong command
 * line.
 */
import { Option } from "commander";
import { surviveBrokenStreams } from "./client/broken_streams.ts";
import { dialAddress } from "./client/dial.ts";
import {
  atLeast,
  durationOption,
  seedOption,
  withoutSeparator,
} from "./client/parse.ts";
import { toolCommand, usageExit } from "./client/usage.ts";
import { type Mode, MODES } from "./load/flows.ts";
import { FileRecorder, noRecorder } from "./load/intents.ts";
import { onInterrupt } from "./load/interrupt.ts";
import { showProgress } from "./load/progress.ts";
import { progressOf, reportOf, tableOf } from "./load/report.ts";
import { startLoad } from "./load/run.ts";
import { Target } from "./load/target.ts";

interface Flags {
  readonly addr: string;
  readonly rps: number;
  readonly duration: number;
  readonly mode: Mode;
  readonly concurrency: number;
  readonly timeout: number;
  readonly retry: number | true;
  readonly seed: number;
  readonly record?: string;
  readonly json: boolean;
}

/** What `--retry` without a number means: beyond half a minute of refusals. */
const DEFAULT_RETRIES = 100;
const INTERRUPT_GRACE_MS = 3_000;

function parseFlags(args: readonly string[]): Flags {
  return toolCommand("load")
    .description("Puts load on the order service and measures it")
    .option(
      "--addr <host:port>",
      "the service (OMS_GRPC_ADDR)",
      Deno.env.get("OMS_GRPC_ADDR") || "127.0.0.1:50051",
    )
    .option(
      "--rps <n>",
      "flows a second, begun on time whatever is answered; 0: as fast as possible",
      atLeast(0),
      100,
    )
    .addOption(durationOption("--duration <time>", "as 10s or 1m", "10s"))
    .addOption(
      new Option("--mode <mode>", "what a flow does with its order")
        .choices(MODES).default("create-pay"),
    )
    .option("--concurrency <n>", "flows at the same time", atLeast(1), 64)
    .addOption(
      durationOption("--timeout <time>", "deadline of one attempt", "5s"),
    )
    .option(
      "--retry [n]",
      "repeat with the same key while the outcome is unknown",
      atLeast(0),
      0,
    )
    .addOption(seedOption("of all chance", atLeast(0)))
    .option("--record <file>", "append every intent and acknowledgement")
    .option("--json", "machine-readable result", false)
    .parse(withoutSeparator(args), { from: "user" })
    .opts<Flags>();
}

/** @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await measure(parseFlags(args));
  } catch (error) {
    return usageExit(error);
  }
}

async function measure(flags: Flags): Promise<number> {
  const address = dialAddress(flags.addr);
  using interrupt = onInterrupt(INTERRUPT_GRACE_MS);
  using _streams = surviveBrokenStreams();
  const retries = flags.retry === true ? DEFAULT_RETRIES : flags.retry;
  using target = new Target(address, {
    channelRetries: retries === 0,
  });
  using file = flags.record === undefined
    ? null
    : new FileRecorder(flags.record);
  const run = startLoad({
    target,
    recorder: file ?? noRecorder,
    mode: flags.mode,
    rps: flags.rps,
    durationMs: flags.duration,
    concurrency: Math.floor(flags.concurrency),
    deadlineMs: flags.timeout,
    retries,
    seed: flags.seed,
    stopping: interrupt.stopping,
    signal: interrupt.signal,
  });
  {
    using _ = showProgress(() => progressOf(run));
    await run.done;
  }
  const report = reportOf(run, flags.mode, flags.seed);
  console.log(flags.json ? JSON.stringify(report, null, 2) : tableOf(report));
  if (run.stats.calls > 0 && run.stats.ok === 0) {
    console.error(
      `No call was answered OK: is the service at ${address} running? --addr (OMS_GRPC_ADDR) names another one.`,
    );
  }
  return run.stats.ok > 0 && run.stats.flowsFailed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);

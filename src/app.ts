/**
 * The process: environment in, exit code out.
 *
 * Builds the log, the metrics, the watchdog and the lifecycle around the service, hands lifecycle the phases of
 * the stop, and releases everything at the end: a normal stop ends because nothing is left.
 */
import {
  createLifecycle,
  exitWhenIdle,
  installFatalHandlers,
  type LogFn,
  type ProcessSignals,
  type ShutdownReport,
  SLACK_MS,
  startWatchdog,
  sumOfBudgets,
  systemClock,
  toError,
  writeTerminationLog,
} from "@oms/lifecycle";
import { COMMIT, RUNTIME, VERSION } from "./app/build_info.ts";
import { stopPhases } from "./app/phases.ts";
import type { Seams } from "./app/seams.ts";
import { type Started, startService } from "./app/service.ts";
import {
  checkRuntime,
  type Config,
  ConfigError,
  type ConfigInput,
  earlyLogConfig,
  isRuntimeOverride,
  loadConfig,
  type LoadedConfig,
  RUNTIME_OVERRIDE,
} from "./config.ts";
import { routeRuntimeWarnings } from "./events/mod.ts";
import { routeGrpcLog } from "./grpc/library_log.ts";
import { createLogging, logFn, type Logging } from "./telemetry/logger.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";

/** What the last lines of the log may take, in ms. */
const FINAL_FLUSH_MS = 250;
/** What a line after the log's end may take, in ms. */
const LAST_WORDS_MS = 100;

/**
 * Runs the service until it has stopped; the process then ends by itself, with the stop's exit code.
 *
 * @param end makes an end of the process; whoever runs the service in a process of its own gives another one
 */
export async function runService(
  signals: ProcessSignals,
  seams: Seams = {},
  end: (report: ShutdownReport) => void = endProcess,
): Promise<void> {
  // Released at the end, in reverse; `end` has taken over by then from the fatal handlers. The signal listeners stay
  // for good: neither a late error nor a late signal must change the exit code.
  using held = new DisposableStack();
  const loaded = await readConfig();
  if (loaded === null) {
    Deno.exitCode = 1;
    return;
  }
  const { config, warnings } = loaded;
  const metrics = held.use(createMetrics());
  metrics.setBuildInfo({ version: VERSION, commit: COMMIT, runtime: RUNTIME });
  const logging = held.use(createLogging({
    ...config.log,
    onDropped: (lines) => metrics.logLinesDropped.inc(lines),
  }));
  const log = logFn(logging.logger.child({ component: "lifecycle" }));
  held.use(routeRuntimeWarnings(log));
  routeGrpcLog(logFn(logging.logger.child({ component: "grpc" })));
  for (const { name, message } of warnings) {
    log("warn", "configuration", { variable: name, message });
  }
  const report = await live(
    { signals, config, metrics, logging, log, seams },
    held,
  );
  writeReport(config, report, log);
  await logging.flush(FINAL_FLUSH_MS);
  end(report);
}

function endProcess(report: ShutdownReport): void {
  let lastWords: Promise<unknown> | undefined;
  // The log has ended with the stop; these lines are about what comes after it. Nobody may be reading: a synchronous
  // write into a full pipe would keep the process for ever.
  const log: LogFn = (level, msg, fields) => {
    const line = `${JSON.stringify({ level, msg, ...fields })}\n`;
    lastWords = Deno.stderr.write(new TextEncoder().encode(line));
    lastWords.catch(() => {});
  };
  installFatalHandlers({
    fatal: (thrown) =>
      log("error", "error after the stop", { error: toError(thrown).message }),
  });
  exitWhenIdle(report, {
    log,
    exit: (code) => {
      if (lastWords === undefined) Deno.exit(code);
      setTimeout(() => Deno.exit(code), LAST_WORDS_MS);
      lastWords.catch(() => {}).then(() => Deno.exit(code));
    },
  });
}

interface Surroundings {
  readonly signals: ProcessSignals;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly logging: Logging;
  readonly log: LogFn;
  readonly seams: Seams;
}

async function live(
  { signals, config, metrics, logging, log, seams }: Surroundings,
  held: DisposableStack,
): Promise<ShutdownReport> {
  let started: Started | undefined;
  let forced = () => Promise.resolve();
  const { watchdog: mode, terminationLog } = config.shutdown;
  const budgetMs = budgetOf(config);
  const lifecycle = createLifecycle({
    signals,
    log,
    watchdog: held.use(startWatchdog({ mode, budgetMs, terminationLog, log })),
    tasks: () => started?.tasks() ?? [],
    onForce: () => forced(),
  });
  held.use(lifecycle.onState((state) => metrics.setLifecycleState(state)));
  held.use(installFatalHandlers(lifecycle));
  return await lifecycle.run(async () => {
    started = await startService({
      lifecycle,
      config,
      clock: systemClock,
      metrics,
      logger: logging.logger,
      seams,
      whenForced: (stop) => {
        forced = stop;
      },
    });
    const phases = stopPhases(started.parts, config.shutdown);
    lifecycle.ready(phases);
    started.parts.edge.setServing(true);
    log("info", "ready", {
      pid: Deno.pid,
      version: VERSION,
      ...started.facts,
      grace_needed_ms: sumOfBudgets(phases) + SLACK_MS,
    });
  });
}

/** Null when the environment cannot be used; every mistake has then been said. */
async function readConfig(): Promise<LoadedConfig | null> {
  const input: ConfigInput = {
    env: Deno.env.toObject(),
    readFile: Deno.readTextFileSync,
    stdoutIsTerminal: Deno.stdout.isTerminal(),
  };
  using logging = createLogging(earlyLogConfig(input));
  const log = logFn(logging.logger.child({ component: "config" }));
  const runtime = checkRuntime(
    Deno.version.deno,
    isRuntimeOverride(input.env[RUNTIME_OVERRIDE]),
  );
  if (!runtime.ok) {
    log("error", "runtime refused", { message: runtime.message });
    await logging.flush(FINAL_FLUSH_MS);
    return null;
  }
  try {
    return loadConfig(input);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { name, message } of error.warnings) {
      log("warn", "configuration", { variable: name, message });
    }
    for (const { name, message } of error.problems) {
      log("error", "configuration refused", { variable: name, message });
    }
    await logging.flush(FINAL_FLUSH_MS);
    return null;
  }
}

function budgetOf({ shutdown: s }: Config): number {
  return s.lameDuckMs + s.grpcMs + s.sagasMs + s.outboxMs + s.httpMs +
    s.kafkaMs + s.storeMs;
}

function writeReport(
  { shutdown: { terminationLog } }: Config,
  report: ShutdownReport,
  log: LogFn,
): void {
  if (terminationLog === undefined) return;
  try {
    writeTerminationLog(terminationLog, report);
  } catch (error) {
    log("warn", "termination log not written", {
      path: terminationLog,
      error: toError(error).message,
    });
  }
}

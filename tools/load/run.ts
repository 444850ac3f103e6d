/**
 * Runs flows at a rate, whatever the service answers.
 *
 * Invariants: flow n is due at n / rate; its latency counts from then, also
 * when it could not begin in time, so that a stall is not hidden by the calls
 * that were never made during it (coordinated omission). No more than
 * `concurrency` flows run at once.
 * Not promised: the rate. When the service is slower, flows begin late, and the
 * latencies say so.
 */
import { systemClock } from "@oms/lifecycle";
import { Caller, type CallerOptions } from "./caller.ts";
import { type FlowOptions, type Mode, runFlow } from "./flows.ts";
import type { IntentRecorder } from "./intents.ts";
import { seededRandom } from "./random.ts";
import { LoadStats } from "./stats.ts";
import type { Target } from "./target.ts";

export interface LoadOptions {
  readonly target: Target;
  readonly recorder: IntentRecorder;
  readonly mode: Mode;
  /** Flows a second; 0: as many as `concurrency` allows. */
  readonly rps: number;
  /** No flow begins later, in ms; Infinity: until `stopping`. */
  readonly durationMs: number;
  /** Flows at the same time. */
  readonly concurrency: number;
  /** For one attempt of a call, in ms. */
  readonly deadlineMs: number;
  /** Further attempts of one intent. */
  readonly retries: number;
  readonly seed: number;
  /** See FlowOptions; default 0. */
  readonly replayShare?: number;
  /** See FlowOptions; default 0. */
  readonly doublePayShare?: number;
  /** See FlowOptions; default 30,000. */
  readonly confirmWithinMs?: number;
  /** No new flows; those that run go on. */
  readonly stopping: AbortSignal;
  /** Aborts the flows that run. */
  readonly signal: AbortSignal;
}

const CONFIRM_WITHIN_MS = 30_000;

/** A run under way. */
export interface LoadRun {
  readonly stats: LoadStats;
  /** Since the start, in ms. */
  readonly elapsedMs: number;
  /** Resolves when all flows have ended. */
  readonly done: Promise<void>;
}

export function startLoad(options: LoadOptions): LoadRun {
  const stats = new LoadStats();
  const random = seededRandom(options.seed);
  const callerOptions: CallerOptions = { ...options, stats, random };
  const caller = new Caller(callerOptions);
  const flow: FlowOptions = {
    mode: options.mode,
    random,
    replayShare: options.replayShare ?? 0,
    doublePayShare: options.doublePayShare ?? 0,
    confirmWithinMs: options.confirmWithinMs ?? CONFIRM_WITHIN_MS,
    signal: options.signal,
  };
  const started = performance.now();
  let ended: number | null = null;
  let next = 0;
  /** Of the next flow, in ms since the start. */
  const dueAfter = () =>
    options.rps === 0
      ? performance.now() - started
      : (next++ * 1_000) / options.rps;

  const worker = async () => {
    while (!options.stopping.aborted) {
      const after = dueAfter();
      if (after >= options.durationMs) return;
      const due = started + after;
      if (!await reached(due, options.stopping)) return;
      await oneFlow(stats, () => runFlow(caller, flow, due));
    }
  };
  const done = Promise.all(Array.from({ length: options.concurrency }, worker))
    .then(() => {
      ended = performance.now();
    });
  return {
    stats,
    done,
    get elapsedMs() {
      return (ended ?? performance.now()) - started;
    },
  };
}

async function oneFlow(
  stats: LoadStats,
  run: () => Promise<void>,
): Promise<void> {
  stats.flowsStarted += 1;
  stats.inFlight += 1;
  try {
    await run();
  } catch (error) {
    // An abort ends flows anywhere; anything else is a defect, and is counted as one.
    const aborted = error instanceof Error && error.name === "AbortError";
    if (!aborted) stats.flowsFailed += 1;
  } finally {
    stats.inFlight -= 1;
    stats.flowsFinished += 1;
  }
}

/** False when `stopping` came first. */
async function reached(due: number, stopping: AbortSignal): Promise<boolean> {
  const left = due - performance.now();
  if (left <= 0) return !stopping.aborted;
  try {
    await systemClock.sleep(left, stopping);
    return true;
  } catch {
    return false;
  }
}

/** Runs many histories in one thread: side by side, so that one turn of the event loop serves a step of each. */
import { setImmediate } from "node:timers";
import { History, type HistoryOptions } from "./history.ts";

/**
 * Histories that are under way at the same time; they share nothing. More of them would save turns of the event loop
 * and cost more: what all of them hold is what each young collection has to copy (32: a third more CPU time).
 */
const LANES = 4;

export interface Failure {
  readonly seed: number;
  readonly problems: readonly string[];
}

export interface RunResult {
  readonly histories: number;
  /** Of all histories. */
  readonly steps: number;
  /** How many histories have reached what. */
  readonly reached: ReadonlyMap<string, number>;
  /** In the order in which they were found. */
  readonly failures: readonly Failure[];
}

export interface RunOptions extends HistoryOptions {
  readonly first: number;
  readonly count: number;
  /** Stop as soon as so many have failed; default 3. */
  readonly failures?: number;
}

/** Histories of the seeds `first`, `first + 1`, ... */
export async function runHistories(options: RunOptions): Promise<RunResult> {
  const { stackTraceLimit } = Error;
  // Errors are answers here, and many. Who wants to see where one comes from asks for the trace.
  if (options.trace === undefined) Error.stackTraceLimit = 0;
  try {
    return await run(options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function run(options: RunOptions): Promise<RunResult> {
  const { first, count, failures: enough = 3 } = options;
  const failures: Failure[] = [];
  const reached = new Map<string, number>();
  const running = new Set<History>();
  let begun = 0;
  let ended = 0;
  let steps = 0;
  while (failures.length < enough) {
    while (running.size < LANES && begun < count) {
      running.add(new History(first + begun++, options));
    }
    if (running.size === 0) break;
    for (const history of running) {
      if (history.step()) continue;
      running.delete(history);
      ended++;
      steps += history.scheduler.steps;
      const problems = history.judge();
      for (const what of history.reached) {
        reached.set(what, (reached.get(what) ?? 0) + 1);
      }
      if (problems.length > 0) failures.push({ seed: history.seed, problems });
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return { histories: ended, steps, reached, failures };
}

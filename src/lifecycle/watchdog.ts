/**
 * A second thread that outlives a blocked event loop.
 *
 * Invariants: it listens for signals itself, so its count starts although the
 * main thread never runs again; disposing it leaves nothing behind.
 * Not promised: a kill as PID 1 (SIGKILL from inside of the namespace has no
 * effect; the platform's own follows the grace) or without run permission:
 * both fall back to a report and say so. A report cannot name tasks that began
 * after the main thread's last message.
 *
 * @module
 */

import type { LogFn } from "./log.ts";
import type { LeftoverJson } from "./report.ts";

/** What an overdue stop leads to: a report, or also SIGKILL. */
export type WatchdogMode = "report" | "kill";

/** What the main thread mirrors. */
export interface WatchdogView {
  /** State of the lifecycle. */
  readonly state: string;
  /** Whether the stop has begun. */
  readonly stopping: boolean;
  /** Why it stops, in one word. */
  readonly reason?: string;
  /** The present phase. */
  readonly phase?: string;
  /** What is left of its budget, in ms. */
  readonly phaseLeftMs?: number;
  /** Sum of all budgets, in ms. */
  readonly budgetMs?: number;
  /** What is running. */
  readonly leftover: readonly LeftoverJson[];
}

/** Told of each change; fires when the stop is overdue. */
export interface Watchdog extends Disposable {
  /** Mirrors the present view. Cheap; never throws. */
  update(view: WatchdogView): void;
}

/** How a watchdog is started. */
export interface WatchdogOptions {
  /** What it does when the stop is overdue. */
  readonly mode: WatchdogMode;
  /** Sum of all budgets, in ms, until a view says otherwise. */
  readonly budgetMs: number;
  /** File that the report is also written to, cut to 4 KiB. */
  readonly terminationLog?: string;
  /** Where it says that it cannot kill. */
  readonly log: LogFn;
}

/** What the worker is started with. */
export interface WatchdogInit {
  /** What it does when the stop is overdue. */
  readonly mode: WatchdogMode;
  /** Sum of all budgets, in ms, until a view says otherwise. */
  readonly budgetMs: number;
  /** File that the report is also written to. */
  readonly terminationLog?: string;
}

/** Messages to the worker. */
export type WatchdogMessage =
  | { readonly kind: "init"; readonly init: WatchdogInit }
  | { readonly kind: "view"; readonly view: WatchdogView };

/** What this process is able to do; a test gives its own. */
export interface KillAbility {
  /** Id of the process. */
  readonly pid: number;
  /** Whether unrestricted run permission is granted. */
  readonly mayRun: boolean;
}

/** Why a kill is impossible, or undefined. */
export function whyNoKill(ability: KillAbility): string | undefined {
  if (ability.pid === 1) {
    return "this process is PID 1, which no signal from inside of its namespace can kill (the platform kills it at the end of the grace)";
  }
  if (!ability.mayRun) {
    return "run permission is not granted (grant --allow-run or use mode report)";
  }
  return undefined;
}

function processAbility(): KillAbility {
  return {
    pid: Deno.pid,
    mayRun: Deno.permissions.querySync({ name: "run" }).state === "granted",
  };
}

/** Starts the watchdog's thread. */
export function startWatchdog(
  options: WatchdogOptions,
  ability: KillAbility = processAbility(),
): Watchdog {
  const { log, ...init } = options;
  let { mode } = init;
  const obstacle = mode === "kill" ? whyNoKill(ability) : undefined;
  if (obstacle !== undefined) {
    mode = "report";
    log("warn", "watchdog cannot kill, it will only report", {
      reason: obstacle,
    });
  }
  const worker = new Worker(
    new URL("./watchdog_worker.ts", import.meta.url).href,
    { type: "module", name: "watchdog" },
  );
  // A watchdog that fails must not take down what it watches.
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    log("warn", "watchdog failed, the stop goes unwatched", {
      error: event.message,
    });
  });
  const post = (message: WatchdogMessage) => {
    try {
      worker.postMessage(message);
    } catch (error) {
      log("warn", "watchdog could not be told", { error: String(error) });
    }
  };
  post({ kind: "init", init: { ...init, mode } });
  return {
    update: (view) => post({ kind: "view", view }),
    [Symbol.dispose]: () => worker.terminate(),
  };
}

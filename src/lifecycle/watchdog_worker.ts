/**
 * The watchdog's own thread.
 *
 * Invariants: counts only while a stop is on; fires once; a stderr that nobody
 * reads holds up neither the termination log nor the kill.
 * Not promised: facts newer than the main thread's last message.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { platformSignals, SIGNALS } from "./signals.ts";
import type { ReportJson } from "./report.ts";
import { writeTerminationLog } from "./termination_log.ts";
import {
  isOverdue,
  startCount,
  tick,
  TICK_MS,
  type TickCount,
} from "./watchdog_ticks.ts";
import type {
  WatchdogInit,
  WatchdogMessage,
  WatchdogView,
} from "./watchdog.ts";

// What the line on stderr may take before the kill, in ms.
const LINE_MS = 250;

let init: WatchdogInit = { mode: "report", budgetMs: 0 };
let view: WatchdogView = { state: "Starting", stopping: false, leftover: [] };
let viewAt = performance.now();
let stopAt = 0;
let stopReason: string | undefined;
let count: TickCount | undefined;

function beginCount(reason: string | undefined): void {
  if (count) return;
  count = startCount(performance.now());
  stopAt = Date.now();
  stopReason = reason;
  const timer = setInterval(() => {
    if (!count) return;
    count = tick(count, performance.now());
    if (!isOverdue(count, view.budgetMs ?? init.budgetMs)) return;
    clearInterval(timer);
    fire(count.countedMs);
  }, TICK_MS);
}

async function fire(countedMs: number): Promise<void> {
  const reason = view.reason ?? stopReason ?? "unknown";
  const silentMs = Math.round(performance.now() - viewAt);
  const detail = `the stop is overdue after ${
    Math.round(countedMs)
  } ms; the main thread was last heard ${silentMs} ms ago in state ${view.state}`;
  const report: ReportJson = {
    reason,
    detail,
    started_at: new Date(stopAt).toISOString(),
    duration_ms: Math.round(countedMs),
    exit_code: init.mode === "kill" ? 137 : -1,
    outcome: "overdue",
    phases: view.phase === undefined ? [] : [{
      phase: view.phase,
      outcome: "running",
      duration_ms: -1,
    }],
    leftover: view.leftover,
  };
  const line = {
    time: new Date().toISOString(),
    level: "error",
    msg: "shutdown watchdog fired",
    component: "watchdog",
    mode: init.mode,
    main_silent_ms: silentMs,
    state: view.state,
    ...report,
  };
  const { terminationLog } = init;
  if (terminationLog !== undefined) {
    attempt(() => writeTerminationLog(terminationLog, report));
  }
  // Not synchronously: a write into a full pipe never returns.
  const written = writeAll(`${JSON.stringify(line)}\n`).catch(() => {});
  const late = new Promise((resolve) => setTimeout(resolve, LINE_MS));
  await Promise.race([written, late]);
  if (init.mode === "kill") attempt(() => Deno.kill(Deno.pid, "SIGKILL"));
}

async function writeAll(text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(await Deno.stderr.write(rest));
}

function attempt(fn: () => void): void {
  try {
    fn();
  } catch {
    // The next thing to do matters more than this one's failure.
  }
}

for (const name of platformSignals()) {
  if (SIGNALS[name].role !== "stop") continue;
  attempt(() => Deno.addSignalListener(name, () => beginCount(name)));
}

self.addEventListener("message", (event: MessageEvent<WatchdogMessage>) => {
  const message = event.data;
  if (message.kind === "init") {
    init = message.init;
    return;
  }
  view = message.view;
  viewAt = performance.now();
  if (view.stopping) beginCount(view.reason);
});

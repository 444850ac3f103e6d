/**
 * The watchdog's own thread.
 *
 * Invariants: counts only while a stop is on; fires once; writes synchronously,
 * because nobody else may ever run again.
 * Not promised: facts newer than the main thread's last message.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { platformSignals, SIGNALS } from "./signals.ts";
import { type ReportJson, truncateReport } from "./report.ts";
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

// Kubernetes keeps this much of a termination message, in bytes.
const TERMINATION_LOG_BYTES = 4096;

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

function fire(countedMs: number): void {
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
  attempt(() => writeAll(JSON.stringify(line) + "\n"));
  const { terminationLog } = init;
  if (terminationLog !== undefined) {
    attempt(() =>
      Deno.writeTextFileSync(
        terminationLog,
        truncateReport(report, TERMINATION_LOG_BYTES),
      )
    );
  }
  if (init.mode === "kill") attempt(() => Deno.kill(Deno.pid, "SIGKILL"));
}

function writeAll(text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
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

import { assertEquals, assertStringIncludes } from "@std/assert";
import { startWatchdog, whyNoKill } from "@oms/lifecycle";
import {
  isOverdue,
  MAX_TICK_MS,
  startCount,
  tick,
  TICK_MS,
  WATCHDOG_MARGIN_MS,
} from "../../../src/lifecycle/watchdog_ticks.ts";

/** Ticks as a timer would, with a pause of `pauseMs` before the tick `at`. */
function overdueAfter(budgetMs: number, at = -1, pauseMs = 0): number {
  let now = 5000;
  let count = startCount(now);
  let ticks = 0;
  while (!isOverdue(count, budgetMs)) {
    now += TICK_MS + (ticks === at ? pauseMs : 0);
    count = tick(count, now);
    ticks++;
  }
  return now - 5000;
}

Deno.test("F15 the watchdog fires at the budgets' sum plus its margin", () => {
  assertEquals(overdueAfter(18_000), 18_000 + WATCHDOG_MARGIN_MS);
  assertEquals(overdueAfter(0), WATCHDOG_MARGIN_MS);
});

Deno.test("F26 a pause of 30 s (SIGSTOP) counts as one tick at most", () => {
  const pause = 30_000;
  const fired = overdueAfter(18_000, 3, pause);
  assertEquals(
    fired,
    18_000 + WATCHDOG_MARGIN_MS + pause - (MAX_TICK_MS - TICK_MS),
  );
});

Deno.test("time that seems to go back counts nothing", () => {
  assertEquals(tick({ lastAt: 100, countedMs: 7 }, 50).countedMs, 7);
});

Deno.test("kill is impossible as PID 1 and without run permission, and it is said why", () => {
  assertStringIncludes(whyNoKill({ pid: 1, mayRun: true }) ?? "", "PID 1");
  assertStringIncludes(
    whyNoKill({ pid: 9, mayRun: false }) ?? "",
    "--allow-run",
  );
  assertEquals(whyNoKill({ pid: 9, mayRun: true }), undefined);
});

Deno.test("a watchdog that cannot kill says so and leaves nothing when disposed", () => {
  const warnings: string[] = [];
  const watchdog = startWatchdog({
    mode: "kill",
    budgetMs: 1000,
    log: (_level, msg, fields) =>
      void warnings.push(`${msg}: ${fields?.reason}`),
  }, { pid: 1, mayRun: true });
  watchdog.update({ state: "Ready", stopping: false, leftover: [] });
  watchdog[Symbol.dispose]();
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", "PID 1");
});

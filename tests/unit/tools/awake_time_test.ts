/** The stopwatch that the upper bounds of the suites are read from. */
import { assertLessOrEqual } from "@std/assert";
import { AwakeTime } from "../../support/awake_time.ts";
import { until } from "../../support/until.ts";

/** To a process, a machine that stands still and a thread that sleeps are the same. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

Deno.test("awake time: a pause counts 50 ms at most, however long it was", () => {
  using time = new AwakeTime();
  standStill(300);
  const after = time.ms;
  assertLessOrEqual(after, 50);
  standStill(300);
  assertLessOrEqual(time.ms, after + 50);
});

Deno.test("awake time: it goes on while the process is awake, and never faster than a clock", async () => {
  const started = performance.now();
  using time = new AwakeTime();
  await until("200 ms", () => time.ms >= 200);
  assertLessOrEqual(time.ms, performance.now() - started);
});

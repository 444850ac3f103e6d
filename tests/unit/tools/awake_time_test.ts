/** The stopwatch that the upper bounds of the suites are read from. */
import { assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { AwakeTime } from "../../support/awake_time.ts";
import { block } from "../../support/failpoints/block.ts";
import { until } from "../../support/until.ts";

Deno.test("awake time: a pause counts 50 ms at most, however long it was", () => {
  using time = new AwakeTime();
  block(300);
  const after = time.ms;
  assertLessOrEqual(after, 50);
  block(300);
  assertLessOrEqual(time.ms, after + 50);
  assertGreaterOrEqual(time.pausedMs, 490);
});

Deno.test("awake time: it goes on while the process is awake, and never faster than a clock", async () => {
  const started = performance.now();
  using time = new AwakeTime();
  await until("200 ms", () => time.ms >= 200);
  assertLessOrEqual(time.ms, performance.now() - started);
});

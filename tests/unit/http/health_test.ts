/** How checks become one report. */
import { assertEquals } from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import { type HealthCheck, HealthMonitor } from "../../../src/http/health.ts";

const well = (name: string, critical = false): HealthCheck => ({
  name,
  critical,
  run: () => "all is well",
});
const ill = (name: string, critical = false): HealthCheck => ({
  name,
  critical,
  run: () => {
    throw new Error("it is not");
  },
});

async function statusOf(...checks: HealthCheck[]): Promise<string> {
  const report = await new HealthMonitor(checks, new FakeClock(), "1").report();
  return report.status;
}

Deno.test("a failed check degrades, only a critical one makes unhealthy", async () => {
  assertEquals(await statusOf(well("store", true), well("a")), "healthy");
  assertEquals(await statusOf(well("store", true), ill("a")), "degraded");
  assertEquals(await statusOf(ill("store", true), well("a")), "unhealthy");
  assertEquals(await statusOf(ill("a"), ill("store", true)), "unhealthy");
});

Deno.test("the report has the contract's fields", async () => {
  const clock = new FakeClock();
  const checks = [well("store", true), ill("publisher")];
  const monitor = new HealthMonitor(checks, clock, "1.2.3");
  await clock.advance(1_500);
  assertEquals(await monitor.report(), {
    status: "degraded",
    timestamp: new Date(clock.wallNow()).toISOString(),
    checks: {
      store: { status: "healthy", message: "all is well", duration_ms: 0 },
      publisher: { status: "degraded", message: "it is not", duration_ms: 0 },
    },
    version: "1.2.3",
    uptime_seconds: 1.5,
  });
});

Deno.test("durations are whole milliseconds, and the time is that of the question", async () => {
  const clock = new FakeClock();
  const asked = clock.wallNow();
  const slow: HealthCheck = {
    name: "store",
    critical: true,
    run: async () => {
      await clock.sleep(12.6);
      return "all is well";
    },
  };
  const report = new HealthMonitor([slow], clock, "1").report();
  await clock.advance(12.6);
  const { checks, timestamp } = await report;
  assertEquals(checks.store?.duration_ms, 13);
  assertEquals(Date.parse(timestamp), asked);
});

Deno.test("a check that never answers counts as failed after a second", async () => {
  const clock = new FakeClock();
  const silent: HealthCheck = {
    name: "store",
    critical: true,
    run: () => new Promise(() => {}),
  };
  const report = new HealthMonitor([silent], clock, "1").report();
  await clock.advance(1_000);
  assertEquals((await report).checks.store, {
    status: "unhealthy",
    message: "no answer within 1000 ms",
    duration_ms: 1_000,
  });
});

import { assert, assertEquals } from "@std/assert";
import { FORCE_MS, type Phase, StopError } from "@oms/lifecycle";
import { type Harness, harness, never, phase } from "./harness.ts";

const PHASES = ["unready", "grpc", "sagas", "outbox", "http", "kafka", "store"];

/** Phases of which `slow` lasts for ever, and its budget too. */
function phasesWith(slow: string, fields: Partial<Phase> = {}): Phase[] {
  return PHASES.map((name) =>
    name === slow
      ? phase(name, { run: never, budgetMs: 60_000, ...fields })
      : phase(name)
  );
}

async function drainingIn(slow: string, h: Harness, fields?: Partial<Phase>) {
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready(phasesWith(slow, fields))
  );
  h.signals.send("SIGTERM");
  await h.clock.advance(700);
  assertEquals(h.lifecycle.reportSoFar()?.phases.length, PHASES.indexOf(slow));
  return { done };
}

for (const slow of PHASES) {
  Deno.test(`F04 a second signal in phase ${slow} forces: hard tree, hook, 128+n`, async () => {
    const order: string[] = [];
    const h = harness({
      onForce: (reason) => {
        assert(reason instanceof StopError);
        order.push("hook");
      },
      tasks: () => [{ name: "t", ageMs: 5, stepAgeMs: 5, labels: {} }],
    });
    h.lifecycle.hard.child("requests").onAbort(() => order.push("hard"));
    const { done } = await drainingIn(slow, h);
    h.signals.send("SIGINT");
    const report = await h.clock.settle(done, FORCE_MS);
    assertEquals(order, ["hard", "hook"]);
    assertEquals([report.exitCode, report.outcome], [130, "forced"]);
    assertEquals([report.forcedBy, report.reason], [
      "SIGINT",
      { kind: "signal", signal: "SIGTERM" },
    ]);
    assertEquals(report.durationMs, 700);
    const at = PHASES.indexOf(slow);
    assertEquals(
      report.phases.map((each) => each.outcome),
      PHASES.map((_, i) => i < at ? "done" : i === at ? "forced" : "skipped"),
    );
    assertEquals(report.leftover.map((task) => task.name), ["t"]);
    assertEquals(h.states.at(-1), "Stopped");
    assertEquals([h.clock.timerCount, h.exits], [0, []]);
  });

  Deno.test(`F04 1-3 signals within 5 ms in phase ${slow} are one stop`, async () => {
    for (const count of [1, 2, 3]) {
      const h = harness();
      const done = h.lifecycle.run(() =>
        h.lifecycle.ready(phasesWith(slow, { run: () => h.clock.sleep(400) }))
      );
      for (let i = 0; i < count; i++) {
        h.signals.send("SIGINT");
        await h.clock.advance(2);
      }
      const report = await h.clock.settle(done);
      assertEquals([report.exitCode, report.durationMs], [0, 400]);
      assertEquals(report.forcedBy, undefined);
    }
  });

  Deno.test(`F04 a third signal in phase ${slow} exits at once`, async () => {
    const h = harness({ onForce: never });
    const { done } = await drainingIn(slow, h);
    for (let i = 0; i < 3; i++) {
      h.signals.send("SIGINT");
      await h.clock.advance(2);
    }
    assertEquals(h.exits, []);
    await h.clock.advance(100);
    h.signals.send("SIGTERM");
    assertEquals(h.exits, [143]);
    const report = await h.clock.settle(done);
    assertEquals([report.exitCode, report.durationMs], [130, 700 + FORCE_MS]);
  });
}

Deno.test("F04 the third distinct signal exits at once with 128+n", async () => {
  // The kept signals of a blocked event loop carry their own times.
  const h = harness({ onForce: never });
  const done = h.lifecycle.run(() => h.lifecycle.ready(phasesWith("grpc")));
  h.signals.sendAt("SIGTERM", 0);
  h.signals.sendAt("SIGTERM", 600);
  h.signals.sendAt("SIGINT", 1200);
  assertEquals(h.exits, [130]);
  await h.clock.settle(done);
});

Deno.test("F08 a force hook that hangs or throws is bounded and logged", async () => {
  for (
    const onForce of [never, () => {
      throw new Error("broken");
    }, () => Promise.reject(new Error("broken"))]
  ) {
    const h = harness({ onForce });
    const { done } = await drainingIn("sagas", h);
    h.signals.send("SIGTERM");
    const report = await h.clock.settle(done, FORCE_MS);
    assert(report.durationMs <= 700 + FORCE_MS);
    assertEquals(report.exitCode, 143);
    assert(h.messages().includes("force hook failed"));
    assertEquals(h.clock.timerCount, 0);
  }
});

Deno.test("F04 forced while an end-action runs: what ran out stays timed out, its task is named once", async () => {
  const h = harness({
    tasks: () => [{ name: "rpc", ageMs: 9, stepAgeMs: 9, labels: {} }],
  });
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("grpc", {
        run: never,
        atDeadline: never,
        cutOff: true,
        leftover: () => [{ name: "rpc", ageMs: 1, stepAgeMs: 1, labels: {} }],
      }),
      phase("store"),
    ])
  );
  h.signals.send("SIGTERM");
  await h.clock.advance(1100);
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.phases.map((each) => each.outcome), [
    "timed_out",
    "skipped",
  ]);
  assertEquals(report.leftover.map((task) => task.ageMs), [9]);
  assertEquals(report.exitCode, 143);
  assertEquals(h.messages(), [
    "shutdown started",
    "shutdown forced",
    "grpc ended",
    "shutdown complete",
  ]);
});

Deno.test("F04 forced during the start: no rollback, at once, 128+n", async () => {
  let undone = 0;
  const h = harness();
  const done = h.lifecycle.run(async () => {
    await h.lifecycle.start("store", () => "store", () => void undone++);
    await h.lifecycle.start("migrate", never);
  });
  await h.clock.flush();
  h.signals.send("SIGTERM");
  await h.clock.advance(600);
  h.signals.send("SIGINT");
  const report = await h.clock.settle(done, FORCE_MS);
  assertEquals([report.exitCode, undone], [130, 0]);
  assertEquals(report.leftover.map((task) => task.name), ["start/migrate"]);
  assertEquals(h.clock.timerCount, 0);
});

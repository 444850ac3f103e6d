/** Parts that misbehave while the process stops: each costs its own phase at most, and is named. */
import { assertEquals } from "@std/assert";
import { createLifecycle } from "@oms/lifecycle";
import { FakeClock, FakeSignals } from "@oms/lifecycle/testing";
import { harness, never, phase } from "./harness.ts";

Deno.test("F08 a throwing abort listener of a phase is told to the log, and the phases go on", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("slow", {
        run: (signal) => {
          signal.addEventListener("abort", () => {
            throw new Error("broken");
          });
          return never();
        },
      }),
      phase("last"),
    ])
  );
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.phases.map((each) => each.outcome), [
    "timed_out",
    "done",
  ]);
  const told = h.lines.find(({ msg }) => msg === "abort listener threw");
  assertEquals([told?.level, told?.fields], [
    "error",
    { scope: "slow", error: "broken" },
  ]);
});

for (
  const [how, run] of [
    ["throws", () => {
      throw new Error("broken");
    }],
    ["rejects", () => Promise.reject(new Error("broken"))],
  ] as const
) {
  Deno.test(`F08 a lame duck whose work ${how} lasts its time all the same, and says so`, async () => {
    const h = harness();
    const lame = phase("unready", { untilBudget: true, run, budgetMs: 5_000 });
    const done = h.lifecycle.run(() => h.lifecycle.ready([lame, phase("p")]));
    h.signals.send("SIGTERM");
    const report = await h.clock.settle(done);
    assertEquals(report.durationMs, 5_000);
    assertEquals(report.phases.map((each) => each.outcome), ["failed", "done"]);
    assertEquals(report.phases[0]?.errors.map(({ message }) => message), [
      "broken",
    ]);
    assertEquals(report.exitCode, 0);
  });

  Deno.test(`F04 a second signal ends a lame duck whose work ${how}`, async () => {
    const h = harness();
    const lame = phase("unready", { untilBudget: true, run, budgetMs: 5_000 });
    const done = h.lifecycle.run(() => h.lifecycle.ready([lame]));
    h.signals.send("SIGTERM");
    await h.clock.advance(600);
    h.signals.send("SIGTERM");
    const report = await h.clock.settle(done);
    assertEquals([report.durationMs, report.exitCode], [600, 143]);
    assertEquals(report.phases.map((each) => each.outcome), ["forced"]);
    assertEquals(h.clock.timerCount, 0);
  });
}

Deno.test("F02 F04 two signals from before the lifecycle: forced, nothing starts, 128+n", async () => {
  const clock = new FakeClock();
  const signals = new FakeSignals(clock);
  signals.sendAt("SIGTERM", 0);
  signals.sendAt("SIGINT", 600);
  let [started, hooks] = [false, 0];
  const lifecycle = createLifecycle({
    clock,
    signals,
    log: () => {},
    onForce: () => void hooks++,
    exit: () => {},
  });
  const report = await clock.settle(lifecycle.run(() => {
    started = true;
  }));
  assertEquals([started, hooks], [false, 1]);
  assertEquals([report.outcome, report.exitCode], ["forced", 130]);
  assertEquals([clock.timerCount, signals.subscriberCount], [0, 0]);
});

class SilentError extends Error {
  override get message(): string {
    throw new Error("no text");
  }
}

Deno.test("F08 a phase that throws what has no text fails like any other", async () => {
  const silent: unknown[] = [
    Object.create(null),
    {
      toString() {
        throw new Error("no text");
      },
    },
    Symbol("broken"),
    new SilentError(),
  ];
  for (const thrown of silent) {
    const h = harness();
    const done = h.lifecycle.run(() =>
      h.lifecycle.ready([
        phase("bad", { run: () => Promise.reject(thrown) }),
        phase("last"),
      ])
    );
    h.signals.send("SIGTERM");
    const report = await h.clock.settle(done);
    assertEquals(report.phases.map((each) => each.outcome), ["failed", "done"]);
    assertEquals(report.durationMs, 0);
    assertEquals(report.phases[0]?.errors[0]?.cause, thrown);
  }
});

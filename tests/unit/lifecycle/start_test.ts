import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  createLifecycle,
  type Lifecycle,
  START_ABANDON_MS,
  StopError,
} from "@oms/lifecycle";
import { FakeClock, FakeSignals } from "@oms/lifecycle/testing";
import { type Harness, harness, never, phase } from "./harness.ts";

const STEPS = ["config", "store", "migrate", "scan", "listen"];

interface Boot {
  readonly log: string[];
  startup: () => Promise<void>;
}

/** Starts all steps, each 10 ms long; `during` is called inside of one. */
function boot(
  h: Harness,
  during: (step: string) => void | Promise<void> = () => {},
  rollback: (step: string) => void | Promise<void> = () => {},
): Boot {
  const log: string[] = [];
  return {
    log,
    startup: async () => {
      for (const name of STEPS) {
        await h.lifecycle.start(name, async () => {
          log.push(`start ${name}`);
          await during(name);
          await h.clock.sleep(10);
          return name;
        }, (value) => {
          log.push(`undo ${value}`);
          return rollback(value);
        });
      }
      h.lifecycle.ready([phase("p")]);
    },
  };
}

Deno.test("a start that goes through is ready, and its rollbacks are forgotten", async () => {
  const h = harness();
  const { log, startup } = boot(h);
  const done = h.lifecycle.run(startup);
  await h.clock.advance(100);
  assertEquals(h.lifecycle.state, "Ready");
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(log, STEPS.map((name) => `start ${name}`));
  assertEquals(report.phases.map((each) => each.phase), ["p"]);
});

STEPS.forEach((at, index) => {
  Deno.test(`F02 a signal during ${at} ends that step, undoes all in reverse, exit 0`, async () => {
    const h = harness();
    const { log, startup } = boot(h, (step) => {
      if (step === at) h.signals.send("SIGTERM");
    });
    const report = await h.clock.settle(h.lifecycle.run(startup));
    const started = STEPS.slice(0, index + 1);
    const undone = started.toReversed();
    assertEquals(log, [
      ...started.map((name) => `start ${name}`),
      ...undone.map((name) => `undo ${name}`),
    ]);
    assertEquals(report.exitCode, 0);
    assertEquals(
      report.phases.map((each) => each.phase),
      undone.map((name) => `rollback/${name}`),
    );
    assertEquals(h.states, ["Starting", "Stopping", "Stopped"]);
    assertEquals([h.clock.timerCount, h.signals.subscriberCount], [0, 0]);
  });

  Deno.test(`F60 an error in ${at} undoes what has started in reverse, exit 1`, async () => {
    const h = harness();
    const { log, startup } = boot(h, (step) => {
      if (step === at) throw new Error(`${at} failed`);
    });
    const report = await h.clock.settle(h.lifecycle.run(startup));
    assertEquals(
      log.filter((line) => line.startsWith("undo")),
      STEPS.slice(0, index).toReversed().map((name) => `undo ${name}`),
    );
    assertEquals([report.exitCode, report.outcome], [1, "failed"]);
    assertEquals(report.error?.message, `${at} failed`);
    assertEquals(h.states, ["Starting", "Stopping", "Failed"]);
    assertEquals(h.messages()[0], "start failed");
    assertEquals([h.clock.timerCount, h.signals.subscriberCount], [0, 0]);
  });
});

Deno.test("F02 a signal from before the lifecycle: nothing starts, exit 0", async () => {
  const clock = new FakeClock();
  const signals = new FakeSignals(clock);
  signals.send("SIGTERM");
  const lifecycle = createLifecycle({ clock, signals, log: () => {} });
  let started = false;
  const report = await clock.settle(lifecycle.run(() => {
    started = true;
  }));
  assertEquals([started, report.exitCode], [false, 0]);
  assertEquals([clock.timerCount, signals.subscriberCount], [0, 0]);
});

Deno.test("F02 a signal between the last step and ready rolls back", async () => {
  const h = harness();
  const undone: string[] = [];
  const report = await h.clock.settle(h.lifecycle.run(async () => {
    await h.lifecycle.start("a", () => "a", (value) => void undone.push(value));
    h.signals.send("SIGTERM");
    assertThrows(() => h.lifecycle.ready([]), StopError);
    h.lifecycle.ready([]);
  }));
  assertEquals([undone, report.exitCode], [["a"], 0]);
});

Deno.test("a start step sees the soft signal and may give up by it", async () => {
  const h = harness();
  const done = h.lifecycle.run(async () => {
    await h.lifecycle.start(
      "slow",
      (stopping) => h.clock.sleep(60_000, stopping),
    );
  });
  await h.clock.advance(100);
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals([report.exitCode, report.durationMs], [0, 0]);
});

Deno.test("a start step that hangs is left behind after its bound and is named", async () => {
  const h = harness();
  const undone: string[] = [];
  const gate = Promise.withResolvers<string>();
  const undo = (value: string) => void undone.push(value);
  const done = h.lifecycle.run(async () => {
    await h.lifecycle.start("store", () => "store", undo);
    await h.lifecycle.start("listen", () => gate.promise, undo);
  });
  await h.clock.flush();
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.durationMs, START_ABANDON_MS);
  assertEquals(report.exitCode, 0);
  assertEquals(report.leftover.map((task) => task.name), ["start/listen"]);
  assertEquals(undone, ["store"]);

  gate.resolve("listen");
  await h.clock.flush();
  assertEquals(undone, ["store", "listen"], "late, but not forgotten");
});

Deno.test("F08 a rollback that throws or hangs keeps no other from running", async () => {
  const h = harness();
  const { log, startup } = boot(h, (step) => {
    if (step === "listen") throw new Error("port in use");
  }, (step) => {
    if (step === "scan") throw new Error("broken");
    return step === "migrate" ? never() : undefined;
  });
  const report = await h.clock.settle(h.lifecycle.run(startup));
  assertEquals(
    report.phases.map((each) => `${each.phase} ${each.outcome}`),
    [
      "rollback/scan failed",
      "rollback/migrate timed_out",
      "rollback/store done",
      "rollback/config done",
    ],
  );
  assertEquals(log.at(-1), "undo config");
  assertEquals(report.exitCode, 1);
});

Deno.test("a start that forgets ready fails and says what to change", async () => {
  const h = harness();
  const report = await h.clock.settle(h.lifecycle.run(() => {}));
  assertEquals(report.exitCode, 1);
  assert(report.error?.message.includes("ready"));
});

Deno.test("an error behind ready is fatal and runs the phases", async () => {
  const h = harness();
  const report = await h.clock.settle(h.lifecycle.run(() => {
    h.lifecycle.ready([phase("p")]);
    throw new Error("too late");
  }));
  assertEquals(report.phases.map((each) => each.phase), ["p"]);
  assertEquals([report.exitCode, report.error?.message], [1, "too late"]);
});

Deno.test("F16 fatal during the start rolls back, exit 1", async () => {
  const h = harness();
  const { log, startup } = boot(h, (step) => {
    if (step === "scan") h.lifecycle.fatal(new Error("disk gone"));
  });
  const report = await h.clock.settle(h.lifecycle.run(startup));
  assertEquals(log.at(-1), "undo config");
  assertEquals([report.exitCode, report.error?.message], [1, "disk gone"]);
});

Deno.test("start is refused once the stop was asked for", async () => {
  const h = harness();
  const lifecycle: Lifecycle = h.lifecycle;
  const done = lifecycle.run(() => lifecycle.ready([]));
  lifecycle.requestStop("a test");
  await assertRejects(
    () =>
      lifecycle.start("late", () => {
        throw new Error("was started");
      }),
    StopError,
  );
  await h.clock.settle(done);
});

Deno.test("a step that fails because of the stop does not make it a failure", async () => {
  const h = harness();
  const report = await h.clock.settle(h.lifecycle.run(async () => {
    await h.lifecycle.start("a", () => {
      h.signals.send("SIGTERM");
      throw new Error("connection closed");
    });
  }));
  assertEquals(report.exitCode, 0);
  assert(h.messages().includes("start step failed while stopping"));
});

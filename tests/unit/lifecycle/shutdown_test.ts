import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  createLifecycle,
  type PendingTask,
  StopError,
  TaskGroup,
} from "@oms/lifecycle";
import { FakeClock, FakeSignals } from "@oms/lifecycle/testing";
import { harness, never, phase } from "./harness.ts";

Deno.test("F01 a signal walks the phases in order and ends with exit code 0", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("unready", { message: "readiness off", announce: "start" }),
      phase("grpc", {
        message: "grpc stopped",
        run: () => h.clock.sleep(40).then(() => ({ rpcs: 2 })),
      }),
      phase("store", { message: "store closed", stage: "close" }),
    ])
  );
  await h.clock.flush();
  assertEquals(h.lifecycle.state, "Ready");
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);

  assertEquals(h.messages(), [
    "shutdown started",
    "readiness off",
    "grpc stopped",
    "store closed",
    "shutdown complete",
  ]);
  assertEquals(h.lines[0]?.fields.reason, "SIGTERM");
  assertEquals(h.lines[2]?.fields, {
    rpcs: 2,
    phase: "grpc",
    outcome: "done",
    duration_ms: 40,
  });
  assertEquals(h.lines[4]?.fields.exit_code, 0);
  assertEquals(h.states, [
    "Starting",
    "Ready",
    "Draining",
    "Stopping",
    "Stopped",
  ]);
  assertEquals([report.exitCode, report.outcome], [0, "clean"]);
  assertEquals(report.durationMs, 40);
});

Deno.test("the state is Draining and readiness off before any signal listener runs", async () => {
  const h = harness();
  const seen: string[] = [];
  const done = h.lifecycle.run(() => h.lifecycle.ready([phase("p")]));
  h.lifecycle.stopping.addEventListener("abort", () => {
    seen.push(h.lifecycle.state);
  });
  h.signals.send("SIGTERM");
  assertEquals(seen, ["Draining"]);
  await h.clock.settle(done);
});

Deno.test("a lame duck is announced at once and logged once", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("unready", {
        message: "readiness off",
        announce: "start",
        untilBudget: true,
        budgetMs: 5000,
        run: never,
      }),
    ])
  );
  h.signals.send("SIGTERM");
  assertEquals(h.messages(), ["shutdown started", "readiness off"]);
  const report = await h.clock.settle(done);
  assertEquals(h.messages().filter((m) => m === "readiness off").length, 1);
  assertEquals([report.exitCode, report.durationMs], [0, 5000]);
});

Deno.test("a process signal aborts only the soft tree; the hard one follows at the end", async () => {
  const h = harness();
  let hardDuring: boolean | undefined;
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([phase("p", {
      run: () => {
        hardDuring = h.lifecycle.hard.aborted;
        assert(h.lifecycle.stopping.aborted);
        const reason: unknown = h.lifecycle.stopping.reason;
        assert(reason instanceof StopError);
        assertEquals(reason.reason, { kind: "signal", signal: "SIGTERM" });
      },
    })])
  );
  h.signals.send("SIGTERM");
  await h.clock.settle(done);
  assertEquals([hardDuring, h.lifecycle.hard.aborted], [false, true]);
});

Deno.test("every timer, subscription and scope is released at the end", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("hangs", { run: never, atDeadline: never }),
      phase("ok"),
    ])
  );
  assertEquals([h.clock.timerCount, h.signals.subscriberCount], [0, 1]);
  h.signals.send("SIGTERM");
  assert(h.clock.timerCount >= 2, "the drain holds the process alive");
  await h.clock.settle(done);
  assertEquals([h.clock.timerCount, h.signals.subscriberCount], [0, 0]);
  assertEquals(h.lifecycle.hard.childCount + h.lifecycle.hard.hookCount, 0);
});

const failing = () => Promise.reject(new Error("broken"));

Deno.test("requestStop stops like a signal; the first reason stays", async () => {
  const h = harness();
  const done = h.lifecycle.run(() => h.lifecycle.ready([phase("a")]));
  h.lifecycle.requestStop("a test");
  h.lifecycle.requestStop("somebody else");
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.reason, { kind: "requested", by: "a test" });
  assertStrictEquals(h.lifecycle.reason, report.reason);
  assertEquals(report.exitCode, 0);
  assertStrictEquals(await h.lifecycle.done, report);
});

Deno.test("F08 a deaf task is named in the report; later phases run", async () => {
  const h = harness();
  const group = new TaskGroup({
    name: "sagas",
    clock: h.clock,
    scope: h.lifecycle.hard,
    stopping: h.lifecycle.stopping,
  });
  group.spawn("pay/ord_1", ({ progress }) => {
    progress("charge");
    return never();
  }, { labels: { order_id: "ord_1" } });
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("sagas", {
        message: "sagas drained",
        cutOff: true,
        run: (_signal, deadline) => {
          group.close();
          return group.join(deadline);
        },
        atDeadline: () => group.abort(new Error("out of time")),
      }),
      phase("hook", { run: failing }),
      phase("store", { message: "store closed", stage: "close" }),
    ])
  );
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.exitCode, 3);
  assertEquals(report.leftover.map((task) => [task.name, task.step]), [
    ["sagas/pay/ord_1", "charge"],
  ]);
  assertEquals(h.messages().slice(1), [
    "sagas drained",
    "hook ended",
    "store closed",
    "shutdown complete",
  ]);
  const drained = h.lines.find((line) => line.msg === "sagas drained");
  assertEquals(drained?.level, "warn");
  assertEquals(drained?.fields.outcome, "timed_out");
  assertEquals(drained?.fields.leftover, 1);
});

Deno.test("the report so far is there for the phase that stores it", async () => {
  const h = harness();
  let stored: unknown;
  assertEquals(h.lifecycle.reportSoFar(), undefined);
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("a", { run: never, cutOff: true }),
      phase("store", {
        run: () => {
          const soFar = h.lifecycle.reportSoFar();
          stored = [soFar?.exitCode, soFar?.phases.map((p) => p.phase)];
        },
      }),
    ])
  );
  h.signals.send("SIGTERM");
  await h.clock.settle(done);
  assertEquals(stored, [3, ["a"]]);
});

Deno.test("SIGQUIT only logs: each task with age, step and budget left", async () => {
  const task: PendingTask = {
    name: "sagas/pay/ord_1",
    ageMs: 70,
    step: "charge",
    stepAgeMs: 30,
    labels: { saga_id: "saga_1" },
  };
  const h = harness({ tasks: () => [task] });
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([phase("a", { run: () => h.clock.sleep(500) })])
  );
  h.signals.send("SIGQUIT");
  assertEquals(h.lifecycle.state, "Ready");
  assertEquals(h.lines.map((line) => line.fields), [
    { state: "Ready", tasks: 1 },
    {
      task: "sagas/pay/ord_1",
      saga_id: "saga_1",
      step: "charge",
      age_ms: 70,
      step_age_ms: 30,
    },
  ]);
  h.signals.send("SIGTERM");
  await h.clock.advance(400);
  h.signals.send("SIGQUIT");
  assertEquals(h.lines.at(-1)?.fields.budget_left_ms, 600);
  assertEquals(h.lines.at(-2)?.fields.phase, "a");
  assertEquals((await h.clock.settle(done)).exitCode, 0);
});

Deno.test("F05 SIGHUP, SIGPIPE and SIGUSR1 stop nothing and are logged at debug", async () => {
  const h = harness();
  const done = h.lifecycle.run(() => h.lifecycle.ready([]));
  for (const name of ["SIGHUP", "SIGPIPE", "SIGUSR1"] as const) {
    h.signals.send(name);
  }
  assertEquals(h.lifecycle.state, "Ready");
  assertEquals(h.lines.map((line) => line.level), ["debug", "debug", "debug"]);
  h.signals.send("SIGTERM");
  assertEquals((await h.clock.settle(done)).exitCode, 0);
});

Deno.test("broken log, state listener and watchdog do not disturb the stop", async () => {
  const clock = new FakeClock();
  const signals = new FakeSignals(clock);
  const broken = (): never => {
    throw new Error("broken");
  };
  const lifecycle = createLifecycle({
    clock,
    signals,
    log: broken,
    watchdog: { update: broken, [Symbol.dispose]: broken },
    tasks: broken,
  });
  lifecycle.onState(broken);
  const done = lifecycle.run(() => lifecycle.ready([phase("a")]));
  signals.send("SIGTERM");
  assertEquals((await clock.settle(done)).exitCode, 0);
  assertEquals([clock.timerCount, signals.subscriberCount], [0, 0]);
});

Deno.test("tasks of one name are all named, and those of two samples once", async () => {
  const task = (id: string) => ({
    name: "grpc/Pay",
    ageMs: 1,
    stepAgeMs: 1,
    labels: { id },
  });
  const h = harness({ tasks: () => [task("b"), task("c"), task("c")] });
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("grpc", {
        run: never,
        leftover: () => [task("a"), task("b"), task("c"), task("c")],
      }),
      phase("sagas", { run: never }),
    ])
  );
  h.signals.send("SIGTERM");
  await h.clock.advance(1100);
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.leftover.map(({ labels }) => labels.id), [
    "a",
    "b",
    "c",
    "c",
  ]);
});

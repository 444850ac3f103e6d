import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  CancelScope,
  Deadline,
  DrainTimeoutError,
  KEPT_FAILURES,
  StopError,
  type TaskFailure,
  TaskGroup,
  TaskGroupClosedError,
} from "@oms/lifecycle";
import { FakeClock, flushMicrotasks } from "@oms/lifecycle/testing";

function setUp(onTaskError?: (failure: TaskFailure) => void) {
  const clock = new FakeClock();
  const hard = new CancelScope("hard");
  const soft = new CancelScope("soft");
  const group = new TaskGroup({
    name: "sagas",
    clock,
    scope: hard,
    stopping: soft.signal,
    onTaskError,
  });
  return { clock, hard, soft, group };
}
const because = () => new StopError({ kind: "requested", by: "a test" });
const never = () => new Promise<never>(() => {});

Deno.test("spawn names by path and hands over value, signals and progress", async () => {
  const { clock, soft, group } = setUp();
  const handle = group.spawn("pay/ord_1", async ({ signal, stopping }) => {
    assert(!signal.aborted);
    assertStrictEquals(stopping, soft.signal);
    await clock.sleep(10, signal);
    return 7;
  });
  assertEquals([handle.name, group.size], ["sagas/pay/ord_1", 1]);
  assertEquals(await clock.settle(handle.done), { status: "done", value: 7 });
  assertEquals(group.size, 0);
});

Deno.test("a settled task leaves nothing at the scope", async () => {
  const { hard, group, clock } = setUp();
  const handles = Array.from(
    { length: 100 },
    (_, i) => group.spawn(`t${i}`, () => clock.sleep(1)),
  );
  await clock.settle(Promise.all(handles.map((handle) => handle.done)));
  assertEquals(hard.childCount, 1);
  group.close();
  assertEquals([hard.childCount, hard.hookCount], [0, 0]);
});

Deno.test("after close spawn throws and running tasks go on", async () => {
  const { clock, group } = setUp();
  const handle = group.spawn("old", () => clock.sleep(10));
  group.close();
  assert(group.closed);
  const error = assertThrows(
    () => group.spawn("new", never),
    TaskGroupClosedError,
    "sagas/new",
  );
  assertEquals(error.group, "sagas");
  assertEquals((await clock.settle(handle.done)).status, "done");
});

Deno.test("after abort spawn throws, too", () => {
  const { group } = setUp();
  group.abort(because());
  assert(group.closed);
  assertThrows(() => group.spawn("new", never), TaskGroupClosedError);
});

Deno.test("join resolves as soon as the last task settles, not later", async () => {
  const { clock, group } = setUp();
  group.spawn("a", () => clock.sleep(10));
  group.spawn("b", () => clock.sleep(30));
  group.close();
  const started = clock.now();
  await clock.settle(group.join(Deadline.from(clock, 1000)));
  assertEquals(clock.now() - started, 30);
  assertEquals(clock.timerCount, 0);
});

Deno.test("join of an empty group resolves at once, also past its deadline", async () => {
  const { clock, group } = setUp();
  await group.join(Deadline.from(clock, 0));
  assertEquals(clock.timerCount, 0);
});

Deno.test("F08 a task that ignores its signal cannot hold join past its deadline, and is named", async () => {
  const { clock, group } = setUp();
  group.spawn("deaf", ({ progress }) => {
    progress("charge", { order_id: "ord_1" });
    return never();
  }, { labels: { saga_id: "saga_1" } });
  group.spawn("polite", ({ signal }) => clock.sleep(1e6, signal));
  await clock.advance(40);
  const first = group.join(Deadline.from(clock, 100));
  const error = await assertRejects(
    () => clock.settle(first),
    DrainTimeoutError,
    "2 task(s)",
  );
  assertEquals(error.leftover.map((task) => task.name), [
    "sagas/deaf",
    "sagas/polite",
  ]);
  assertEquals(error.leftover[0], {
    name: "sagas/deaf",
    ageMs: 140,
    step: "charge",
    stepAgeMs: 140,
    labels: { saga_id: "saga_1", order_id: "ord_1" },
  });

  group.abort(because());
  const second = group.join(Deadline.from(clock, 100));
  const after = await assertRejects(
    () => clock.settle(second),
    DrainTimeoutError,
  );
  assertEquals(after.leftover.map((task) => task.name), ["sagas/deaf"]);
  assertEquals(clock.timerCount, 0);
});

Deno.test("progress ages the step from its own beginning", async () => {
  const { clock, group } = setUp();
  const gate = Promise.withResolvers<void>();
  group.spawn("t", async ({ progress }) => {
    await clock.sleep(50);
    progress("reserve");
    await gate.promise;
  });
  await clock.advance(80);
  const [task] = group.pending();
  assertEquals([task?.ageMs, task?.step, task?.stepAgeMs], [80, "reserve", 30]);
  gate.resolve();
  await flushMicrotasks();
  assertEquals(group.pending(), []);
});

Deno.test("errors are kept in order, sync and async, and are never unhandled", async () => {
  const seen: string[] = [];
  const { group } = setUp((failure) => {
    seen.push(failure.task);
    throw new Error("the observer is broken");
  });
  const sync = group.spawn("sync", () => {
    throw new Error("one");
  });
  const async = group.spawn("async", () => Promise.reject("two"));
  const outcomes = await Promise.all([sync.done, async.done]);
  assertEquals(outcomes.map((outcome) => outcome.status), ["failed", "failed"]);
  assertEquals(seen, ["sagas/sync", "sagas/async"]);
  assertEquals(group.failures.map(({ error }) => error.message), [
    "one",
    "Non-error thrown: two",
  ]);
});

Deno.test("a long life keeps the first failures and counts all", async () => {
  const { group } = setUp();
  const all = Array.from(
    { length: KEPT_FAILURES + 5 },
    (_, i) =>
      group.spawn(`t${i}`, () => {
        throw new Error(String(i));
      }).done,
  );
  await Promise.all(all);
  assertEquals(group.failureCount, KEPT_FAILURES + 5);
  assertEquals(group.failures.length, KEPT_FAILURES);
  assertEquals(group.failures[0]?.error.message, "0");
});

Deno.test("abort by the group or by the scope above: aborted, no failure", async () => {
  for (const by of ["group", "scope"] as const) {
    const { clock, hard, group } = setUp();
    const handle = group.spawn("t", ({ signal }) => clock.sleep(1e6, signal));
    const reason = because();
    if (by === "group") group.abort(reason);
    else hard.abort(reason);
    assertEquals(await handle.done, { status: "aborted", reason });
    assertEquals([group.failureCount, clock.timerCount], [0, 0]);
  }
});

Deno.test("an error of its own that comes after the abort is still a failure", async () => {
  const { group } = setUp();
  const gate = Promise.withResolvers<void>();
  const handle = group.spawn("t", async () => {
    await gate.promise;
    throw new TypeError("a bug in the clean-up");
  });
  group.abort(because());
  gate.resolve();
  assertEquals((await handle.done).status, "failed");
  assertEquals(group.failureCount, 1);
});

Deno.test("a task that spawns a sibling and ends keeps join waiting for it", async () => {
  const { clock, group } = setUp();
  group.spawn("parent", () => {
    group.spawn("child", () => clock.sleep(50));
  });
  const started = clock.now();
  await clock.settle(group.join(Deadline.from(clock, 1000)));
  assertEquals(clock.now() - started, 50);
});

Deno.test("await using: closed, aborted, awaited; a deaf task is an error", async () => {
  const { clock, hard } = setUp();
  const make = (name: string) =>
    new TaskGroup({ name, clock, scope: hard, stopping: hard.signal });
  const ended: string[] = [];
  {
    await using group = make("polite");
    group.spawn("t", async ({ signal }) => {
      try {
        await clock.sleep(1e6, signal);
      } finally {
        ended.push("t");
      }
    });
  }
  assertEquals(ended, ["t"]);

  const deaf = make("deaf");
  deaf.spawn("t", never);
  const disposed = deaf[Symbol.asyncDispose]();
  await assertRejects(() => clock.settle(disposed), DrainTimeoutError);
});

Deno.test("two joins at once, each with its own deadline", async () => {
  const { clock, group } = setUp();
  group.spawn("t", () => clock.sleep(50));
  const short = group.join(Deadline.from(clock, 10));
  const long = group.join(Deadline.from(clock, 100));
  await assertRejects(() => clock.settle(short), DrainTimeoutError);
  await clock.settle(long);
  assertEquals(clock.timerCount, 0);
});

Deno.test("join without end waits without a timer", async () => {
  const { clock, group } = setUp();
  const gate = Promise.withResolvers<void>();
  group.spawn("t", () => gate.promise);
  const joined = group.join(Deadline.from(clock, Infinity));
  assertEquals(clock.timerCount, 0);
  gate.resolve();
  await joined;
});

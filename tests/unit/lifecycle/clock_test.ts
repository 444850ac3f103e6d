import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { Deadline, StopError, systemClock } from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";

Deno.test("fake clock fires due timers in order of time, then of setting", async () => {
  const clock = new FakeClock();
  const fired: string[] = [];
  clock.after(20, () => fired.push("late"));
  clock.after(10, () => fired.push("first"));
  clock.after(10, () => fired.push("second"));
  await clock.advance(19);
  assertEquals(fired, ["first", "second"]);
  await clock.advance(1);
  assertEquals(fired, ["first", "second", "late"]);
});

Deno.test("fake clock fires a timer that another one sets while it advances", async () => {
  const clock = new FakeClock({ now: 0 });
  const at: number[] = [];
  const again = () => {
    at.push(clock.now());
    if (at.length < 3) clock.after(5, again);
  };
  clock.after(5, again);
  await clock.advance(100);
  assertEquals(at, [5, 10, 15]);
});

Deno.test("fake clock says so when a promise cannot settle", async () => {
  const clock = new FakeClock();
  await assertRejects(
    () => clock.settle(new Promise(() => {})),
    Error,
    "still pending",
  );
});

Deno.test("a cancelled timer never fires and is released", async () => {
  const clock = new FakeClock();
  const timer = clock.after(10, () => {
    throw new Error("fired");
  });
  timer.cancel();
  timer[Symbol.dispose]();
  assertEquals(clock.timerCount, 0);
  await clock.advance(20);
});

Deno.test("sleep rejects with the signal's reason and releases its timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const reason = new StopError({ kind: "requested", by: "a test" });
  const sleep = clock.sleep(1000, controller.signal);
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => sleep), reason);
  assertStrictEquals(
    await assertRejects(() => clock.sleep(1, controller.signal)),
    reason,
  );
  assertEquals(clock.timerCount, 0);
});

Deno.test("sleep leaves no listener at a signal that outlives it", async () => {
  const clock = new FakeClock();
  const signal = new CountingSignal();
  await clock.settle(clock.sleep(10, signal));
  assertEquals([signal.added, signal.removed], [1, 1]);
});

Deno.test("system clock: a timer longer than 2^31 ms does not fire at once", async () => {
  let fired = false;
  const timer = systemClock.after(2 ** 31 + 1000, () => {
    fired = true;
  });
  await systemClock.sleep(5);
  timer.cancel();
  assert(!fired);
});

Deno.test("system clock: negative and NaN delays fire, in their turn", async () => {
  const fired: number[] = [];
  await new Promise<void>((resolve) => {
    systemClock.after(-5, () => fired.push(1));
    systemClock.after(NaN, () => {
      fired.push(2);
      resolve();
    });
  });
  assertEquals(fired, [1, 2]);
});

Deno.test("deadline counts down on the monotonic clock, whatever the wall does", async () => {
  const clock = new FakeClock();
  const deadline = Deadline.from(clock, 100);
  clock.jumpWall(3_600_000);
  assertEquals(deadline.remaining(), 100);
  await clock.advance(60);
  assertEquals(deadline.remaining(), 40);
  assert(!deadline.expired);
  await clock.advance(60);
  assertEquals(deadline.remaining(), 0);
  assert(deadline.expired);
});

Deno.test("deadline: the earlier of two; negative is now; infinite never expires", async () => {
  const clock = new FakeClock();
  const soon = Deadline.from(clock, 10);
  const never = Deadline.from(clock, Infinity);
  assertStrictEquals(soon.earlier(never), soon);
  assertStrictEquals(never.earlier(soon), soon);
  assert(Deadline.from(clock, -1).expired);
  assert(Deadline.from(clock, NaN).expired);
  await clock.advance(1e9);
  assert(!never.expired);
});

class CountingSignal extends EventTarget implements AbortSignal {
  added = 0;
  removed = 0;
  aborted = false;
  reason = undefined;
  onabort = null;
  throwIfAborted(): void {}
  override addEventListener(): void {
    this.added++;
  }
  override removeEventListener(): void {
    this.removed++;
  }
}

Deno.test("the system's clock does not jump with the wall clock", () => {
  const { now } = Date;
  const before = systemClock.now();
  try {
    Date.now = () => now() + 3_600_000;
    assert(systemClock.wallNow() - now() > 3_000_000);
    assert(systemClock.now() - before < 3_000_000);
  } finally {
    Date.now = now;
  }
});

import { assertEquals } from "@std/assert";
import { SharedTimer, type Timer } from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";

Deno.test("a shared timer fires each of its own at its time", async () => {
  const clock = new FakeClock();
  using timer = new SharedTimer(clock);
  const start = clock.now();
  const fired: [string, number][] = [];
  const tell = (name: string) => () => fired.push([name, clock.now() - start]);
  timer.after(20, tell("second"));
  timer.after(50, () => {
    tell("third")();
    timer.after(5, tell("fifth"));
  });
  timer.after(10, tell("first"));
  timer.after(50, tell("fourth"));
  await clock.advance(100);
  assertEquals(fired, [
    ["first", 10],
    ["second", 20],
    ["third", 50],
    ["fourth", 50],
    ["fifth", 55],
  ]);
  assertEquals(clock.timerCount, 0);
});

Deno.test("a shared timer's cancelled ones do not fire, nor keep a timer once it was due", async () => {
  const clock = new FakeClock();
  using timer = new SharedTimer(clock);
  const fired: string[] = [];
  timer.after(10, () => fired.push("early")).cancel();
  const both: Timer[] = [];
  both.push(timer.after(20, () => {
    fired.push("one of two");
    both[1]?.cancel();
  }));
  both.push(timer.after(20, () => fired.push("the other")));
  await clock.advance(20);
  assertEquals(fired, ["one of two"]);
  assertEquals(clock.timerCount, 0);
});

Deno.test("any number of shared timers, set and cancelled, sets one of the clock's", () => {
  const clock = new FakeClock();
  let set = 0;
  const timer = new SharedTimer({
    now: () => clock.now(),
    after: (ms, fn) => {
      set += 1;
      return clock.after(ms, fn);
    },
  });
  for (let i = 0; i < 1_000; i++) {
    timer.after(10_000, () => {}).cancel();
    timer.after(60_000, () => {}).cancel();
    timer.after(60_000, () => {});
  }
  assertEquals([set, clock.timerCount], [1, 1]);
  timer[Symbol.dispose]();
  assertEquals(clock.timerCount, 0);
});

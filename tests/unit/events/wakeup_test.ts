import { assertEquals } from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import { Wakeup } from "../../../src/events/wakeup.ts";

const never = new AbortController().signal;

Deno.test("what is set between two waits wakes the next one at once, and only that one", async () => {
  const clock = new FakeClock();
  const wakeup = new Wakeup(clock);
  wakeup.set();
  wakeup.set();
  await wakeup.wait(1_000, never);
  assertEquals(clock.timerCount, 0);
  let woken = false;
  const waiting = wakeup.wait(1_000, never).then(() => woken = true);
  await clock.advance(999);
  assertEquals(woken, false);
  await clock.advance(1);
  await waiting;
});

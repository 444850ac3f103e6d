import { assert, assertEquals } from "@std/assert";
import { spread } from "../../../src/grpc/spread.ts";

/** Its timers are late, as real ones are. */
class LateClock {
  #now = 0;

  now = () => this.#now;
  sleep = (ms: number) => {
    this.#now += ms + 1.2;
    return Promise.resolve();
  };
}

Deno.test("10,000 have their turn within the time, each not before it and at most a timer late", async () => {
  const clock = new LateClock();
  const overMs = 2_500;
  const items = Array.from({ length: 10_000 }, (_, i) => i);
  const at: number[] = [];
  const { signal } = new AbortController();
  await spread(clock, items, overMs, signal, () => at.push(clock.now()));
  assertEquals(at.length, items.length);
  assert(at.every((ms, i) => {
    const late = ms - (overMs * i) / items.length;
    return late >= 0 && late <= 1.5;
  }));
  assert(clock.now() >= overMs && clock.now() <= overMs + 1.5);
});

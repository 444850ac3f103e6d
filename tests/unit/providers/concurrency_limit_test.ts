import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { flushMicrotasks } from "@oms/lifecycle/testing";
import { ConcurrencyLimit } from "../../../src/providers/concurrency_limit.ts";

/** Calls that end when told. */
class Calls {
  readonly started: number[] = [];
  readonly #ends = new Map<number, () => void>();
  readonly limit: ConcurrencyLimit;

  constructor(limit: number) {
    this.limit = new ConcurrencyLimit(limit);
  }

  start(id: number, signal = new AbortController().signal): Promise<number> {
    return this.limit.run(signal, async () => {
      this.started.push(id);
      await new Promise<void>((resolve) => this.#ends.set(id, resolve));
      return id;
    });
  }

  end(id: number): void {
    this.#ends.get(id)?.();
  }
}

Deno.test("F24 no more calls than the limit run, and they start in the order they came", async () => {
  const calls = new Calls(2);
  const all = [1, 2, 3, 4].map((id) => calls.start(id));
  await flushMicrotasks();
  assertEquals(calls.started, [1, 2]);
  calls.end(2);
  await flushMicrotasks();
  assertEquals(calls.started, [1, 2, 3]);
  calls.end(1);
  calls.end(3);
  await flushMicrotasks();
  calls.end(4);
  assertEquals(await Promise.all(all), [1, 2, 3, 4]);
});

Deno.test("an abort leaves the line at once and takes nobody's place", async () => {
  const calls = new Calls(1);
  const abort = new AbortController();
  const first = calls.start(1);
  const second = calls.start(2, abort.signal);
  const third = calls.start(3);
  await flushMicrotasks();
  const reason = new Error("stopping");
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => second), reason);
  calls.end(1);
  await first;
  await flushMicrotasks();
  assertEquals(calls.started, [1, 3]);
  calls.end(3);
  await third;
  await assertRejects(() => calls.start(4, abort.signal), Error, "stopping");
});

Deno.test("an abort in the very moment of the hand-over loses no place", async () => {
  const calls = new Calls(1);
  const abort = new AbortController();
  const first = calls.start(1);
  const second = calls.start(2, abort.signal);
  await flushMicrotasks();
  calls.end(1);
  await first;
  abort.abort(new Error("stopping"));
  await flushMicrotasks();
  calls.end(2);
  await second.catch(() => {});
  const third = calls.start(3);
  await flushMicrotasks();
  calls.end(3);
  assertEquals(await third, 3);
});

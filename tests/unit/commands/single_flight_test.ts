import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SingleFlight } from "../../../src/commands/single_flight.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** An execution that a test ends. */
function gated() {
  const gate = Promise.withResolvers<string>();
  const signals: AbortSignal[] = [];
  const execute = (signal: AbortSignal) => {
    signals.push(signal);
    signal.addEventListener("abort", () => gate.reject(signal.reason));
    return gate.promise;
  };
  return { gate, signals, execute };
}

function caller() {
  const controller = new AbortController();
  return { signal: controller.signal, leave: () => controller.abort(gone) };
}

const gone = new Error("gone");

/** Several turns of the microtask queue. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("F22 100 concurrent callers of one key share one execution and its value", async () => {
  const flights = new SingleFlight<string>();
  const { gate, signals, execute } = gated();
  const calls = Array.from(
    { length: 100 },
    () => flights.run("k", "f", caller().signal, execute),
  );
  assertEquals(flights.size, 1);
  gate.resolve("value");
  assertEquals(new Set(await Promise.all(calls)), new Set(["value"]));
  assertEquals(signals.length, 1);
  assertEquals(flights.size, 0);
});

Deno.test("callers of different keys do not wait for each other", async () => {
  const flights = new SingleFlight<string>();
  const slow = gated();
  const waiting = flights.run("slow", "f", caller().signal, slow.execute);
  const quick = await flights.run(
    "quick",
    "f",
    caller().signal,
    () => Promise.resolve("quick"),
  );
  assertEquals(quick, "quick");
  slow.gate.resolve("slow");
  assertEquals(await waiting, "slow");
});

Deno.test("a caller that leaves gets its own reason and leaves the execution to the others", async () => {
  const flights = new SingleFlight<string>();
  const { gate, signals, execute } = gated();
  const [first, second] = [caller(), caller()];
  const leaving = flights.run("k", "f", first.signal, execute);
  const staying = flights.run("k", "f", second.signal, execute);
  first.leave();
  assertStrictEquals(await assertRejects(() => leaving, Error), gone);
  await settle();
  assertEquals(signals[0]?.aborted, false);
  gate.resolve("value");
  assertEquals(await staying, "value");
});

Deno.test("the last caller that leaves aborts the execution, with its reason", async () => {
  const flights = new SingleFlight<string>();
  const { signals, execute } = gated();
  const [first, second] = [caller(), caller()];
  const calls = [first, second].map(({ signal }) =>
    flights.run("k", "f", signal, execute)
  );
  first.leave();
  second.leave();
  for (const call of calls) await assertRejects(() => call, Error, "gone");
  await settle();
  assertStrictEquals(signals[0]?.reason, gone);
  assertEquals(flights.size, 0);
});

Deno.test("a caller that comes when the others have given up starts anew", async () => {
  const flights = new SingleFlight<string>();
  const slow = Promise.withResolvers<string>();
  const first = caller();
  // Deaf to its signal for a while.
  const given = flights.run("k", "f", first.signal, () => slow.promise);
  first.leave();
  await assertRejects(() => given, Error, "gone");
  await settle();
  const fresh = flights.run(
    "k",
    "f",
    caller().signal,
    () => Promise.resolve("fresh"),
  );
  await settle();
  assertEquals(flights.size, 1);
  slow.reject(gone);
  assertEquals(await fresh, "fresh");
});

Deno.test("another fingerprint waits for the running execution, then runs its own", async () => {
  const flights = new SingleFlight<string>();
  const { gate, execute } = gated();
  const order: string[] = [];
  const first = flights.run("k", "one", caller().signal, execute);
  const second = flights.run("k", "two", caller().signal, () => {
    order.push("two starts");
    return Promise.resolve("two");
  });
  await settle();
  assertEquals(order, []);
  gate.resolve("one");
  assertEquals([await first, await second], ["one", "two"]);
  assertEquals(order, ["two starts"]);
});

Deno.test("another fingerprint starts its own also when the running execution fails", async () => {
  const flights = new SingleFlight<string>();
  const { gate, execute } = gated();
  const first = flights.run("k", "one", caller().signal, execute);
  const second = flights.run(
    "k",
    "two",
    caller().signal,
    () => Promise.resolve("two"),
  );
  gate.reject(new Error("store is full"));
  await assertRejects(() => first, Error, "store is full");
  assertEquals(await second, "two");
});

Deno.test("who waits with another fingerprint does not keep an abandoned execution alive", async () => {
  const flights = new SingleFlight<string>();
  const { signals, execute } = gated();
  const only = caller();
  const first = flights.run("k", "one", only.signal, execute);
  const second = flights.run(
    "k",
    "two",
    caller().signal,
    () => Promise.resolve("two"),
  );
  only.leave();
  await assertRejects(() => first, Error, "gone");
  assertEquals(await second, "two");
  assertStrictEquals(signals[0]?.reason, gone);
});

Deno.test("a waiter with another fingerprint leaves by its own signal", async () => {
  const flights = new SingleFlight<string>();
  const { gate, signals, execute } = gated();
  const waiter = caller();
  const first = flights.run("k", "one", caller().signal, execute);
  const second = flights.run("k", "two", waiter.signal, execute);
  waiter.leave();
  await assertRejects(() => second, Error, "gone");
  await settle();
  assertEquals(signals.length, 1);
  assertEquals(signals[0]?.aborted, false);
  gate.resolve("one");
  assertEquals(await first, "one");
});

Deno.test("a caller that has left before it came starts nothing", async () => {
  const flights = new SingleFlight<string>();
  const { signals, execute } = gated();
  const early = caller();
  early.leave();
  await assertRejects(
    () => flights.run("k", "f", early.signal, execute),
    Error,
    "gone",
  );
  assertEquals(signals.length, 0);
});

Deno.test("no listener stays at a caller's signal", async () => {
  const flights = new SingleFlight<string>();
  const { signal } = caller();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await flights.run("k", "f", signal, () => Promise.resolve("value"));
  await assertRejects(() =>
    flights.run("k", "f", signal, () => Promise.reject(new Error("no")))
  );
  await settle();
  assertEquals(listeners, 0);
});

import { assertEquals, assertRejects } from "@std/assert";
import { StoreFatalError } from "../../../src/storage/errors.ts";
import { MemoryState, MemoryStore } from "../../../src/storage/memory.ts";
import { makeChange, makeOrder, T0 } from "../../support/fixtures.ts";
import { storeConformance } from "../../support/store_conformance.ts";

storeConformance("memory", () => {
  const state = new MemoryState();
  return Promise.resolve({
    open: (owner: string, restored: boolean) =>
      Promise.resolve(new MemoryStore(state, owner, { restored })),
    dispose: () => Promise.resolve(),
  });
});

storeConformance("memory, shared", () => {
  const state = new MemoryState();
  let now = T0;
  const options = { leaseClock: () => now };
  return Promise.resolve({
    open: (owner: string, restored: boolean) =>
      Promise.resolve(new MemoryStore(state, owner, { ...options, restored })),
    pass: (ms: number) => {
      now += ms;
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
}, "timed");

Deno.test("memory: a hook that throws before the commit leaves nothing behind", async () => {
  const order = makeOrder();
  const store = new MemoryStore(new MemoryState(), "a", {
    hooks: {
      beforeCommit: () => {
        throw new Error("killed before");
      },
    },
  });
  await assertRejects(
    () => store.commit(makeChange({ orderInsert: order })),
    Error,
    "killed before",
  );
  assertEquals(await store.order(order.id), null);
});

Deno.test("memory: a hook that throws after the commit loses only the answer", async () => {
  const order = makeOrder();
  const state = new MemoryState();
  const store = new MemoryStore(state, "a", {
    hooks: {
      afterCommit: () => {
        throw new Error("killed after");
      },
    },
  });
  await assertRejects(
    () => store.commit(makeChange({ orderInsert: order })),
    Error,
    "killed after",
  );
  assertEquals(await new MemoryStore(state, "b").order(order.id), order);
});

Deno.test("memory: a crashed handle writes nothing, not even what waited in a hook", async () => {
  const gate = Promise.withResolvers<void>();
  const order = makeOrder();
  const state = new MemoryState();
  const store = new MemoryStore(state, "a", {
    hooks: { beforeCommit: () => gate.promise },
  });
  const pending = store.commit(makeChange({ orderInsert: order }));
  store.crash();
  gate.resolve();
  await assertRejects(() => pending, StoreFatalError);
  await assertRejects(() => store.order(order.id), StoreFatalError);
  assertEquals(await new MemoryStore(state, "b").order(order.id), null);
});

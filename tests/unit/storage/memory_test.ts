import { assertEquals, assertRejects } from "@std/assert";
import { StoreFatalError } from "../../../src/storage/errors.ts";
import { MemoryState, MemoryStore } from "../../../src/storage/memory.ts";
import { makeChange, makeOrder, makeSaga, T0 } from "../../support/fixtures.ts";
import { storeConformance } from "../../support/store_conformance.ts";

storeConformance("memory", () => {
  const state = new MemoryState();
  return Promise.resolve({
    open: (owner: string) => Promise.resolve(new MemoryStore(state, owner)),
    dispose: () => Promise.resolve(),
  });
});

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

Deno.test("memory: with a lease clock a saga is free only after its lease", async () => {
  let now = T0;
  const state = new MemoryState();
  const options = { leaseClock: () => now };
  const mine = new MemoryStore(state, "mine", options);
  const other = new MemoryStore(state, "other", options);
  const order = makeOrder({ lastSagaNumber: 1 });
  const saga = makeSaga(order, {
    number: 1,
    owner: "mine",
    leaseUntil: T0 + 10,
  });
  await mine.commit(makeChange({ orderInsert: order, sagaInsert: saga }));
  const query = {
    now: T0 + 100,
    limit: 10,
    versions: { pay: [1], cancel: [1], refund: [1] },
  };
  const claim = makeChange({
    sagaUpdate: {
      saga: { ...saga, owner: "other", leaseUntil: T0 + 50, fence: 1 },
      expectedFence: 0,
      claim: true,
    },
  });
  assertEquals(await other.dueSagas(query), []);
  assertEquals(await other.nextDueAt(), null);
  assertEquals(await other.commit(claim), {
    kind: "conflict",
    which: "saga_not_claimable",
  });
  now = T0 + 10;
  assertEquals(await other.dueSagas(query), [saga]);
  assertEquals(await other.commit(claim), { kind: "committed" });
  assertEquals((await mine.saga(saga.id))?.owner, "other");
});

/** Conformance: the queue in front of the writes, and the end of the store. */
import { assertEquals, assertRejects } from "@std/assert";
import { StoreUnavailableError } from "../../src/storage/errors.ts";
import { makeChange, makeOrder, T0 } from "./fixtures.ts";
import { commit, type ConformanceTest } from "./store_harness.ts";

export function queueConformance(test: ConformanceTest): void {
  test("an abort in the queue rejects with its reason and writes nothing", async ({ store }) => {
    const reason = new Error("deadline of the call");
    const [first, queued, late] = [makeOrder(), makeOrder(), makeOrder()];
    const controller = new AbortController();
    const { signal } = controller;
    const ahead = commit(store, { orderInsert: first });
    const aborted = store.commit(makeChange({ orderInsert: queued }), {
      signal,
    });
    controller.abort(reason);
    assertEquals(
      await assertRejects(() => aborted),
      reason,
    );
    assertEquals(
      await assertRejects(() =>
        store.commit(makeChange({ orderInsert: late }), { signal })
      ),
      reason,
    );
    assertEquals(await ahead, { kind: "committed" });
    assertEquals(await store.order(queued.id), null);
    assertEquals(await store.order(late.id), null);
  });

  test("an abort after the commit has no effect", async ({ store }) => {
    const order = makeOrder();
    const controller = new AbortController();
    const result = await store.commit(makeChange({ orderInsert: order }), {
      signal: controller.signal,
    });
    controller.abort(new Error("too late"));
    assertEquals(result, { kind: "committed" });
    assertEquals(await store.order(order.id), order);
  });

  test("close finishes what is queued, refuses what comes later, and may be repeated", async (opened) => {
    const { store } = opened;
    const orders = Array.from({ length: 50 }, () => makeOrder());
    const queued = orders.map((order) => commit(store, { orderInsert: order }));
    const closing = Promise.all([store.close(), store.close()]);
    const late = makeOrder();
    await assertRejects(
      () => commit(store, { orderInsert: late }),
      StoreUnavailableError,
    );
    await closing;
    assertEquals(
      (await Promise.all(queued)).map((result) => result.kind),
      orders.map(() => "committed"),
    );
    for (
      const refused of [
        () => store.order(late.id),
        () => store.ping(),
        () => store.outboxStats(),
        () => store.sagaStats(),
        () => store.markSent([1], T0),
        () => store.saveReport("{}", T0),
        () => commit(store, { orderInsert: late }),
      ]
    ) await assertRejects(refused, StoreUnavailableError);
    await store.close();
    const next = await opened.restart();
    assertEquals(await next.store.order(late.id), null);
    for (const order of orders) {
      assertEquals(await next.store.order(order.id), order);
    }
  });
}

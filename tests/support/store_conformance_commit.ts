/** Conformance: what `commit` and `close` promise. */
import { assertEquals, assertRejects } from "@std/assert";
import { StoreContradictionError } from "../../src/storage/errors.ts";
import type { Store } from "../../src/storage/store.ts";
import {
  makeAnswer,
  makeDraft,
  makeOrder,
  makeSaga,
  makeTimeline,
  nextVersion,
  T0,
} from "./fixtures.ts";
import {
  commit,
  type ConformanceTest,
  mustCommit,
  mustConflict,
} from "./store_harness.ts";

const MAX = 9_223_372_036_854_775_807n;

export function commitConformance(test: ConformanceTest): void {
  test("a committed change set reads back whole, also after a restart", async (opened) => {
    const order = makeOrder({
      items: [
        { sku: 'käse 🧀 "quoted"', qty: 1_000_000, priceMinor: MAX },
        { sku: "b", qty: 1, priceMinor: 0n },
        { sku: "a", qty: 1, priceMinor: 9_007_199_254_740_993n },
      ],
      amountMinor: MAX,
      capturedMinor: MAX,
      refundedMinor: MAX - 2n,
      heldMinor: 2n,
      chargeId: "charge",
      reservationId: "reservation",
      payAccepted: true,
      lastSagaNumber: 1,
      sagaSeq: 1,
      version: MAX - 1n,
      updatedAt: T0 + 5,
    });
    const saga = makeSaga(order, {
      number: 1,
      kind: "refund",
      amountMinor: MAX,
      reason: "für’s",
      completedSteps: ["reserve", "charge"],
      failure: "declined",
      attempt: {
        step: "charge",
        request: '{"amount_minor":"1"}',
        key: "saga_1:charge",
        firstAttemptAt: T0 + 1,
        unknowns: 3,
      },
      nextAttemptAt: T0 + 2,
      stuckReason: "401",
      owner: "somebody",
      // A timed store says itself until when; see store_conformance_leases.ts.
      leaseUntil: null,
      fence: 7,
      traceparent: "00-trace-1",
    });
    const timeline = [
      makeTimeline(order, { reason: "PAID", at: T0 + 9 }),
      makeTimeline(order, { type: "OrderSagaFailed", reason: "", at: T0 }),
    ];
    const draft = makeDraft(order, { traceparent: "00-trace-1" });
    const answer = makeAnswer("key", {
      code: 9,
      message: "nö",
      payload: Uint8Array.from({ length: 256 }, (_, i) => i),
    });
    await mustCommit(opened.store, {
      orderInsert: order,
      sagaInsert: saga,
      timeline,
      outbox: [draft],
      answer,
    });
    const check = async (store: Store) => {
      assertEquals(await store.order(order.id), order);
      assertEquals((await store.timeline(order.id)).items, timeline);
      assertEquals(await store.saga(saga.id), saga);
      assertEquals(await store.answer("key", T0), answer);
      const [row] = await store.outbox("order", 0, 10);
      assertEquals(row, { ...draft, position: row?.position ?? 0 });
    };
    await check(opened.store);
    await check((await opened.restart()).store);
  });

  test("an update replaces what may change of an order and a saga", async ({ store }) => {
    const order = makeOrder({ lastSagaNumber: 1 });
    const saga = makeSaga(order, { number: 1 });
    await mustCommit(store, { orderInsert: order, sagaInsert: saga });
    const orderUpdate = nextVersion(order, {
      status: "CANCELED",
      capturedMinor: 3n,
      refundedMinor: 2n,
      heldMinor: 1n,
      chargeId: "c",
      reservationId: "r",
      payAccepted: true,
      cancelAccepted: true,
      lastSagaNumber: 2,
      orderSeq: 8,
      sagaSeq: 9,
      updatedAt: T0 + 1,
    });
    const changed = {
      ...saga,
      state: "failed" as const,
      completedSteps: ["reserve" as const],
      failure: "f",
      nextAttemptAt: T0 + 3,
      stuckReason: "s",
      owner: "o",
      leaseUntil: null,
      fence: 1,
      updatedAt: T0 + 5,
      finishedAt: T0 + 6,
    };
    await mustCommit(store, {
      orderUpdate,
      sagaUpdate: { saga: changed, expectedFence: 0 },
    });
    assertEquals(await store.order(order.id), orderUpdate.order);
    assertEquals(await store.saga(saga.id), changed);
  });

  test("each conflict is named and writes nothing of its change set", async ({ store }) => {
    const order = makeOrder({ lastSagaNumber: 1 });
    const saga = makeSaga(order, { number: 1 });
    await mustCommit(store, {
      orderInsert: order,
      sagaInsert: saga,
      answer: makeAnswer("used"),
    });
    const stale = { ...order, version: 7n };
    const bystander = makeOrder({ customerId: "bystander" });
    const riders = {
      timeline: [makeTimeline(order)],
      outbox: [makeDraft(order)],
      answer: makeAnswer("fresh"),
    };
    const ridingUpdate = {
      ...riders,
      orderUpdate: nextVersion(order, { status: "PAID" }),
    };
    await mustConflict(
      store,
      { ...riders, orderInsert: order },
      "order_exists",
    );
    await mustConflict(
      store,
      { ...riders, orderInsert: bystander, orderUpdate: nextVersion(stale) },
      "order_version",
    );
    await mustConflict(
      store,
      {
        ...ridingUpdate,
        sagaUpdate: { saga: { ...saga, fence: 5 }, expectedFence: 4 },
      },
      "saga_fence",
    );
    await mustConflict(
      store,
      { ...ridingUpdate, answer: makeAnswer("used", { fingerprint: "other" }) },
      "key_used",
    );
    await mustConflict(
      store,
      {
        ...riders,
        orderInsert: bystander,
        orderCheck: { id: order.id, expectedVersion: 2n },
      },
      "order_version",
    );
    assertEquals(await store.order(order.id), order);
    assertEquals(await store.order(bystander.id), null);
    assertEquals(await store.saga(saga.id), saga);
    assertEquals((await store.timeline(order.id)).items, []);
    assertEquals(await store.outbox("order", 0, 10), []);
    assertEquals(await store.answer("fresh", T0), null);
    assertEquals(await store.answer("used", T0), makeAnswer("used"));
  });

  test("an unknown order or saga is a conflict of version or fence", async ({ store }) => {
    const order = makeOrder();
    await mustConflict(
      store,
      { orderUpdate: nextVersion(order) },
      "order_version",
    );
    await mustConflict(
      store,
      { orderCheck: { id: order.id, expectedVersion: 1n } },
      "order_version",
    );
    await mustConflict(
      store,
      { sagaUpdate: { saga: makeSaga(order), expectedFence: 0 } },
      "saga_fence",
    );
  });

  test("a holding check lets the change through", async ({ store }) => {
    const order = makeOrder();
    await mustCommit(store, { orderInsert: order });
    await mustCommit(store, {
      orderCheck: { id: order.id, expectedVersion: 1n },
      answer: makeAnswer("checked"),
    });
    assertEquals(await store.answer("checked", T0), makeAnswer("checked"));
  });

  test("a conflict does not fail its neighbours", async ({ store }) => {
    const order = makeOrder();
    await mustCommit(store, { orderInsert: order });
    const neighbours = Array.from({ length: 20 }, () => makeOrder());
    const results = await Promise.all(neighbours.flatMap((neighbour) => [
      commit(store, { orderInsert: neighbour }),
      commit(store, { orderInsert: order, answer: makeAnswer("never") }),
    ]));
    assertEquals(
      results.map((result) => result.kind),
      neighbours.flatMap(() => ["committed", "conflict"]),
    );
    for (const neighbour of neighbours) {
      assertEquals(await store.order(neighbour.id), neighbour);
    }
    assertEquals(await store.answer("never", T0), null);
  });

  test("a second saga of one number is the caller's mistake and writes nothing", async ({ store }) => {
    const order = makeOrder({ lastSagaNumber: 1 });
    const saga = makeSaga(order, { number: 1 });
    await mustCommit(store, { orderInsert: order, sagaInsert: saga });
    const neighbour = makeOrder();
    const [twin, good] = await Promise.allSettled([
      commit(store, {
        orderUpdate: nextVersion(order),
        sagaUpdate: { saga: { ...saga, state: "parked" }, expectedFence: 0 },
        sagaInsert: makeSaga(order, { number: 1 }),
      }),
      commit(store, { orderInsert: neighbour }),
    ]);
    assertEquals(
      twin.status === "rejected" &&
        twin.reason instanceof StoreContradictionError,
      true,
    );
    assertEquals(good, { status: "fulfilled", value: { kind: "committed" } });
    assertEquals(await store.order(order.id), order);
    assertEquals(await store.saga(saga.id), saga);
    assertEquals((await store.sagaStats()).stuck, 0);
  });

  test("money that breaks the order's invariant is the caller's mistake and writes nothing", async ({ store }) => {
    const order = makeOrder({ capturedMinor: 2_100n });
    await mustCommit(store, { orderInsert: order });
    for (
      const fields of [
        { heldMinor: 1n, refundedMinor: 2_100n },
        { heldMinor: -1n },
        { refundedMinor: -1n },
        { capturedMinor: 2_101n },
        {
          capturedMinor: MAX,
          amountMinor: MAX,
          heldMinor: MAX,
          refundedMinor: 1n,
        },
      ]
    ) {
      const orderUpdate = nextVersion(order, fields);
      await assertRejects(
        () => commit(store, { orderUpdate, timeline: [makeTimeline(order)] }),
        StoreContradictionError,
      );
    }
    assertEquals(await store.order(order.id), order);
    assertEquals((await store.timeline(order.id)).items, []);
  });
}

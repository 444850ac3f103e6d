/** Conformance: orders, pages, answers and reports as they are read. */
import { assertEquals } from "@std/assert";
import { ORDER_STATUSES } from "../../src/orders/order.ts";
import { sizeOf, sizeOfEntry } from "../../src/orders/size.ts";
import type {
  ListPosition,
  ListQuery,
  TimelineQuery,
} from "../../src/storage/store.ts";
import { makeAnswer, makeOrder, makeTimeline, T0 } from "./fixtures.ts";
import {
  type ConformanceTest,
  mustCommit,
  mustConflict,
} from "./store_harness.ts";

const ALL: ListQuery = {
  customerId: "customer-1",
  statuses: [],
  limit: 100,
  after: null,
};

export function readConformance(test: ConformanceTest): void {
  test("what is unknown reads as null or empty", async ({ store }) => {
    const order = makeOrder();
    assertEquals(await store.order(order.id), null);
    const nothing = { items: [], more: false };
    assertEquals(await store.timeline(order.id), nothing);
    assertEquals(await store.list(ALL), nothing);
    assertEquals(await store.answer("nothing", T0), null);
    assertEquals(await store.saga("saga_nothing"), null);
    assertEquals(await store.nextSaga(order.id), null);
    assertEquals(await store.lastReport(), null);
    await store.ping();
  });

  test("a timeline keeps the order of writing across commits", async ({ store }) => {
    const order = makeOrder();
    const other = makeOrder();
    const entries = Array.from(
      { length: 6 },
      (_, i) => makeTimeline(order, { reason: `entry ${i}`, at: T0 - i }),
    );
    await mustCommit(store, {
      orderInsert: order,
      timeline: entries.slice(0, 2),
    });
    await mustCommit(store, {
      orderInsert: other,
      timeline: [makeTimeline(other)],
    });
    for (const entry of entries.slice(2)) {
      await mustCommit(store, { timeline: [entry] });
    }
    assertEquals((await store.timeline(order.id)).items, entries);
  });

  test("a timeline is read in parts: after, limit, as much as fits, one in any case", async ({ store }) => {
    const order = makeOrder();
    // More than one chunk of whatever a driver reads at once.
    const entries = Array.from(
      { length: 2_500 },
      (_, i) => makeTimeline(order, { reason: `entry ${1_000 + i}` }),
    );
    await mustCommit(store, { orderInsert: order, timeline: entries });
    const part = async (query: TimelineQuery) => {
      const { items, more } = await store.timeline(order.id, query);
      const end = (query.after ?? 0) + items.length;
      assertEquals(more, end < entries.length, JSON.stringify(query));
      return items;
    };
    assertEquals(await part({}), entries);
    assertEquals(await part({ after: 2 }), entries.slice(2));
    assertEquals(await part({ limit: 3 }), entries.slice(0, 3));
    for (const after of [0, 990, 1_999]) {
      assertEquals(
        await part({ after, limit: 501 }),
        entries.slice(after, after + 501),
      );
    }
    assertEquals(await part({ after: 2_500 }), []);
    assertEquals(await part({ after: 9_999 }), []);
    assertEquals(await part({ after: 2_499, limit: 1 }), entries.slice(2_499));
    assertEquals(await part({ limit: 2_500 }), entries);
    const [entry] = entries;
    const each = entry === undefined ? 0 : sizeOfEntry(entry);
    for (const count of [1, 999, 1_000, 1_001, 2_499, 2_500]) {
      for (const maxBytes of [count * each, (count + 1) * each - 1]) {
        assertEquals((await part({ maxBytes })).length, count, `${maxBytes}`);
      }
    }
    assertEquals((await part({ maxBytes: 0 })).length, 1);
    assertEquals((await part({ after: 2_499, maxBytes: 0 })).length, 1);
  });

  test("pages go newest first through equal timestamps without gap or repeat", async ({ store }) => {
    const orders = Array.from(
      { length: 23 },
      (_, i) => makeOrder({ createdAt: T0 + Math.floor(i / 7) }),
    );
    for (const order of orders) await mustCommit(store, { orderInsert: order });
    await mustCommit(store, { orderInsert: makeOrder({ customerId: "else" }) });
    const expected = orders.toSorted((a, b) =>
      b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)
    ).map((order) => order.id);
    const seen: string[] = [];
    let after: ListPosition | null = null;
    for (;;) {
      const { items: page, more } = await store.list({
        ...ALL,
        limit: 5,
        after,
      });
      const last = page.at(-1);
      if (last === undefined) break;
      seen.push(...page.map((order) => order.id));
      assertEquals(more, seen.length < expected.length);
      after = { createdAt: last.createdAt, id: last.id };
    }
    assertEquals(seen, expected);
  });

  test("a list filters by status and pages within the filter", async ({ store }) => {
    const orders = Array.from({ length: 18 }, (_, i) =>
      makeOrder({
        createdAt: T0 + i,
        status: ORDER_STATUSES[i % 6] ?? "PENDING",
      }));
    for (const order of orders) await mustCommit(store, { orderInsert: order });
    const newest = orders.toReversed();
    for (
      const statuses of [["PAID"], ["PENDING", "REFUNDED"], ORDER_STATUSES]
        .map((names) =>
          ORDER_STATUSES.filter((status) => names.some((n) => n === status))
        )
    ) {
      const expected = newest.filter((order) =>
        statuses.includes(order.status)
      );
      assertEquals(await store.list({ ...ALL, statuses }), {
        items: expected,
        more: false,
      });
      const [first] = expected;
      if (first === undefined) throw new Error("the fixture has each status");
      assertEquals(
        await store.list({
          ...ALL,
          statuses,
          limit: 2,
          after: { createdAt: first.createdAt, id: first.id },
        }),
        { items: expected.slice(1, 3), more: expected.length > 3 },
      );
    }
  });

  test("a list ends before the order by which it would pass its size, but for the first", async ({ store }) => {
    const orders = Array.from({ length: 9 }, (_, i) =>
      makeOrder({
        createdAt: T0 - i,
        status: i % 2 === 0 ? "PAID" : "PENDING",
        // Larger than what sqlite reads in one go, so that a list of it takes several reads.
        items: Array.from({ length: 1_000 }, (_, n) => ({
          sku: `${n}`.padStart(256, "é"),
          qty: 1,
          priceMinor: 1n,
        })),
      }));
    for (const order of orders) await mustCommit(store, { orderInsert: order });
    assertEquals((await store.list(ALL)).items, orders);
    const size = sizeOf(orders[0] ?? makeOrder());
    const list = async (maxBytes: number, fields: Partial<ListQuery> = {}) =>
      (await store.list({ ...ALL, maxBytes, ...fields })).items.length;
    assertEquals(await list(0), 1);
    assertEquals(await list(size - 1), 1);
    assertEquals(await list(6.5 * size), 6);
    assertEquals(await list(7 * size), 7);
    assertEquals(await list(6.5 * size, { limit: 3 }), 3);
    assertEquals(await list(9 * size), 9);
    assertEquals(await list(2.5 * size, { statuses: ["PAID"] }), 2);
    assertEquals(await list(9 * size, { statuses: ["PAID"] }), 5);
  });

  test("an answer is replayed byte for byte until it expires, then the key is free", async ({ store }) => {
    const first = makeAnswer("key", { payload: new Uint8Array([0, 255, 10]) });
    const end = first.expiresAt;
    await mustCommit(store, { answer: first });
    assertEquals(await store.answer("key", end - 1), first);
    assertEquals(await store.answer("key", end), null);
    const early = makeAnswer("key", { createdAt: end - 1, code: 5 });
    await mustConflict(store, { answer: early }, "key_used");
    const next = makeAnswer("key", {
      createdAt: end,
      expiresAt: end + 9,
      fingerprint: "new",
      code: 5,
      message: "gone",
      payload: new Uint8Array(),
    });
    await mustCommit(store, { answer: next });
    assertEquals(await store.answer("key", end), next);
  });

  test("a used key is named even when other conditions fail too", async ({ store }) => {
    const order = makeOrder();
    await mustCommit(store, { orderInsert: order, answer: makeAnswer("key") });
    await mustConflict(
      store,
      { orderInsert: order, answer: makeAnswer("key") },
      "key_used",
    );
  });

  test("the newest report is kept, also after a restart", async (opened) => {
    for (let i = 0; i < 25; i++) {
      await opened.store.saveReport(`{"n":${i}}`, T0 - i);
    }
    assertEquals(await opened.store.lastReport(), '{"n":24}');
    const next = await opened.restart();
    assertEquals(await next.store.lastReport(), '{"n":24}');
  });
}

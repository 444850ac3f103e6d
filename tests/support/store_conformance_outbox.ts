/** Conformance: the outbox, and what clean-up removes. */
import { assert, assertEquals } from "@std/assert";
import type { EventTopic } from "../../src/orders/events.ts";
import type { Store } from "../../src/storage/store.ts";
import { makeAnswer, makeDraft, makeOrder, T0 } from "./fixtures.ts";
import { type ConformanceTest, mustCommit } from "./store_harness.ts";

async function put(store: Store, topic: EventTopic, createdAt: number) {
  const order = makeOrder();
  const draft = makeDraft(order, { topic, createdAt });
  await mustCommit(store, { outbox: [draft] });
  return draft.eventId;
}

async function ids(store: Store, topic: EventTopic, after = 0, limit = 100) {
  return (await store.outbox(topic, after, limit)).map((row) => row.eventId);
}

export function outboxConformance(test: ConformanceTest): void {
  test("unsent rows of a topic come in the order of commits", async ({ store }) => {
    const order = makeOrder();
    const drafts = [1, 2, 3].map((seq) => makeDraft(order, { seq }));
    await mustCommit(store, { outbox: drafts });
    const saga = await put(store, "saga", T0);
    const last = await put(store, "order", T0 - 1);
    const rows = await store.outbox("order", 0, 100);
    assertEquals(rows.map((row) => row.eventId), [
      ...drafts.map((draft) => draft.eventId),
      last,
    ]);
    for (const [i, row] of rows.entries()) {
      assert(row.position > (rows[i - 1]?.position ?? 0));
    }
    assertEquals(await ids(store, "saga"), [saga]);
    const after = rows[1]?.position ?? 0;
    assertEquals(await ids(store, "order", after, 1), [drafts[2]?.eventId]);
    assertEquals(await ids(store, "order", after), [drafts[2]?.eventId, last]);
  });

  test("rows marked as sent are not offered again; unknown and repeated marks are ignored", async (opened) => {
    const { store } = opened;
    const [a, b, c] = [
      await put(store, "order", T0),
      await put(store, "order", T0),
      await put(store, "order", T0),
    ];
    const rows = await store.outbox("order", 0, 10);
    const middle = rows[1]?.position ?? 0;
    await store.markSent([middle, middle, 987_654_321], T0);
    await store.markSent([middle], T0);
    await store.markSent([], T0);
    assertEquals(await ids(store, "order"), [a, c]);
    assertEquals((await store.outboxStats()).pending, 2);
    const next = await opened.restart();
    assertEquals(await ids(next.store, "order"), [a, c]);
    assertEquals((await next.store.outboxStats()).pending, 2);
    assert(b !== a);
  });

  test("outbox counters follow inserts and marks over both topics", async ({ store }) => {
    assertEquals(await store.outboxStats(), {
      pending: 0,
      oldestCreatedAt: null,
      deadLetters: 0,
    });
    await put(store, "saga", T0 + 1);
    await put(store, "order", T0 + 2);
    await put(store, "order", T0 + 3);
    assertEquals(await store.outboxStats(), {
      pending: 3,
      oldestCreatedAt: T0 + 1,
      deadLetters: 0,
    });
    const sagas = await store.outbox("saga", 0, 10);
    await store.markSent(sagas.map((row) => row.position), T0);
    assertEquals(await store.outboxStats(), {
      pending: 2,
      oldestCreatedAt: T0 + 2,
      deadLetters: 0,
    });
    const orders = await store.outbox("order", 0, 10);
    await store.markSent(orders.map((row) => row.position), T0);
    assertEquals(await store.outboxStats(), {
      pending: 0,
      oldestCreatedAt: null,
      deadLetters: 0,
    });
  });

  test("a purge removes expired answers and sent rows, bounded, never an unsent one", async ({ store }) => {
    for (let i = 0; i < 5; i++) {
      await mustCommit(store, {
        answer: makeAnswer(`key-${i}`, { expiresAt: T0 + i }),
      });
      await put(store, "order", T0);
    }
    const rows = await store.outbox("order", 0, 10);
    const sent = rows.slice(0, 3).map((row) => row.position);
    await store.markSent(sent, T0);
    const query = {
      answersExpiredBefore: T0 + 4,
      sentBefore: T0 + 1,
      limit: 3,
    };
    assertEquals(await store.purge({ ...query, sentBefore: T0, limit: 1 }), {
      answers: 1,
      outboxRows: 0,
    });
    assertEquals(await store.purge(query), { answers: 3, outboxRows: 3 });
    assertEquals(await store.purge(query), { answers: 0, outboxRows: 0 });
    assertEquals(
      (await store.outbox("order", 0, 10)).map((row) => row.position),
      rows.slice(3).map((row) => row.position),
    );
    assert(await store.answer("key-4", T0) !== null);
  });

  test("F82 rows marked as dead letters are sent, counted, and kept by every purge and start", async (opened) => {
    for (let i = 0; i < 4; i++) await put(opened.store, "order", T0);
    const rows = await opened.store.outbox("order", 0, 10);
    const [first = 0, second = 0, third = 0] = rows.map((row) => row.position);
    await opened.store.markSent([first, second, third], T0, [second]);
    await opened.store.markSent([second], T0 + 1);
    const stats = { pending: 1, oldestCreatedAt: T0, deadLetters: 1 };
    assertEquals(await opened.store.outboxStats(), stats);
    const query = {
      answersExpiredBefore: T0,
      sentBefore: Number.MAX_SAFE_INTEGER,
      limit: 10,
    };
    assertEquals((await opened.store.purge(query)).outboxRows, 2);
    const { store } = await opened.restart();
    assertEquals((await store.purge(query)).outboxRows, 0);
    assertEquals(await store.outboxStats(), stats);
    assertEquals(
      (await store.outbox("order", 0, 10)).map((row) => row.position),
      [rows[3]?.position],
    );
  });

  test("positions keep growing after everything was sent, purged and restarted", async (opened) => {
    await put(opened.store, "order", T0);
    await put(opened.store, "order", T0);
    const before = await opened.store.outbox("order", 0, 10);
    const positions = before.map((row) => row.position);
    await opened.store.markSent(positions, T0);
    await opened.store.purge({
      answersExpiredBefore: T0,
      sentBefore: T0 + 1,
      limit: 10,
    });
    const { store } = await opened.restart();
    const id = await put(store, "order", T0);
    assertEquals(await ids(store, "order", Math.max(...positions)), [id]);
  });
}

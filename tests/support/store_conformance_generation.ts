/** Conformance: the generation, and the ids of events in each. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Store } from "../../src/storage/store.ts";
import { makeDraft, makeOrder } from "./fixtures.ts";
import { type ConformanceTest, mustCommit } from "./store_harness.ts";

/** The event of a new order, as it is kept. */
async function keptEvent(store: Store) {
  const order = makeOrder();
  const id = `${order.id}:order:1`;
  const draft = makeDraft(order, {
    eventId: id,
    value: JSON.stringify({ id, seq: 1 }),
  });
  await mustCommit(store, { orderInsert: order, outbox: [draft] });
  const row = (await store.outbox("order", 0, 100)).at(-1);
  if (row === undefined) throw new Error("The event is not in the outbox");
  return { draft, row, value: JSON.parse(row.value) };
}

export function generationConformance(test: ConformanceTest): void {
  test("a new store is in generation 1, a restart stays there, and events are kept as they were given", async (opened) => {
    const first = async (store: Store) => {
      assertEquals(store.generation, { number: 1, tag: "" });
      assertEquals(store.restored, false);
      const { draft, row } = await keptEvent(store);
      assertEquals([row.eventId, row.value], [draft.eventId, draft.value]);
    };
    await first(opened.store);
    await first((await opened.restart()).store);
  });

  test("F76 a restore begins a generation that events name, and that a restart keeps", async (opened) => {
    await keptEvent(opened.store);
    const second = await opened.restart({ restored: true });
    assertEquals(second.store.restored, true);
    assertEquals(second.store.generation.number, 2);
    const { tag } = second.store.generation;
    assertMatch(tag, /^[0-9a-f]{8}$/);
    const { draft, row, value } = await keptEvent(second.store);
    assertEquals(row.eventId, `${draft.eventId}:g2-${tag}`);
    assertEquals(value, { id: row.eventId, seq: 1, generation: 2 });

    const { store } = await second.restart();
    assertEquals(store.restored, false);
    assertEquals(store.generation, { number: 2, tag });
  });

  test("F76 each restore begins one of its own", async (opened) => {
    await keptEvent(opened.store);
    const second = await opened.restart({ restored: true });
    const third = await second.restart({ restored: true });
    assertEquals(third.store.generation.number, 3);
    assertNotEquals(third.store.generation.tag, second.store.generation.tag);
  });
}

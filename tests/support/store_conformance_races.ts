/** Conformance: random interleavings of conditional commits. fast-check prints the seed of a failure. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Order } from "../../src/orders/order.ts";
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
import { commit, type ConformanceTest, mustCommit } from "./store_harness.ts";

/** One actor: waits some microtask turns, then reads, decides and commits against what it read. */
interface Actor {
  readonly order: number;
  readonly turns: number;
  readonly key: number;
  readonly retries: number;
}

const actors = fc.array(
  fc.record({
    order: fc.nat(2),
    turns: fc.nat(6),
    key: fc.nat(12),
    retries: fc.nat(3),
  }),
  { minLength: 2, maxLength: 24 },
);

interface Tally {
  /** Key -> how many commits that carry it were answered `committed`. */
  readonly keys: Map<string, number>;
  readonly commits: Map<string, number>;
}

async function act(
  store: Store,
  order: Order,
  actor: Actor,
  tally: Tally,
): Promise<void> {
  for (let i = 0; i < actor.turns; i++) await Promise.resolve();
  for (let attempt = 0; attempt <= actor.retries; attempt++) {
    const read = await store.order(order.id);
    if (read === null) throw new Error("an inserted order vanished");
    const key = `${order.id}:${actor.key}`;
    const number = read.lastSagaNumber + 1;
    const orderUpdate = nextVersion(read, {
      lastSagaNumber: number,
      orderSeq: read.orderSeq + 1,
      heldMinor: read.heldMinor + 1n,
    });
    const result = await commit(store, {
      orderUpdate,
      sagaInsert: makeSaga(order, { number, state: "completed" }),
      timeline: [makeTimeline(order, { reason: `${number}` })],
      outbox: [makeDraft(order, { seq: orderUpdate.order.orderSeq })],
      answer: makeAnswer(key),
    });
    if (result.kind === "committed") {
      tally.keys.set(key, (tally.keys.get(key) ?? 0) + 1);
      tally.commits.set(order.id, (tally.commits.get(order.id) ?? 0) + 1);
    }
    if (result.kind === "committed" || result.which === "key_used") return;
    assertEquals(result.which, "order_version");
  }
}

async function race(store: Store, cast: readonly Actor[]): Promise<void> {
  const orders = [1, 2, 3].map(() => makeOrder({ capturedMinor: 2_100n }));
  for (const order of orders) await mustCommit(store, { orderInsert: order });
  const tally: Tally = { keys: new Map(), commits: new Map() };
  await Promise.all(cast.map((actor) => {
    const order = orders[actor.order];
    if (order === undefined) throw new Error("an actor without an order");
    return act(store, order, actor, tally);
  }));
  for (const [, times] of tally.keys) assertEquals(times, 1);
  const unsent = await store.outbox("order", 0, 10_000);
  for (const order of orders) {
    const commits = tally.commits.get(order.id) ?? 0;
    const counted = Array.from({ length: commits }, (_, i) => i + 1);
    const final = await store.order(order.id);
    assertEquals(final?.version, order.version + BigInt(commits));
    assertEquals(final?.heldMinor, BigInt(commits));
    assertEquals(
      (await store.timeline(order.id)).items.map((entry) =>
        Number(entry.reason)
      ),
      counted,
    );
    assertEquals(
      unsent.filter((row) => row.key === order.id).map((row) => row.seq),
      counted.map((number) => number + 1),
    );
  }
  for (const key of tally.keys.keys()) {
    assertEquals((await store.answer(key, T0))?.key, key);
  }
  await store.markSent(unsent.map((row) => row.position), T0);
}

export function raceConformance(test: ConformanceTest): void {
  test("no interleaving of conditional commits loses an update or writes half of one", async ({ store }) => {
    await fc.assert(
      fc.asyncProperty(actors, (cast) => race(store, cast)),
      { numRuns: 40 },
    );
  });
}

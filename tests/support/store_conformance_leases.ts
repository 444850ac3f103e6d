/** Conformance: what an owner has, and for how long. */
import { assert, assertEquals } from "@std/assert";
import type { Saga } from "../../src/orders/saga.ts";
import type { Leases, Store } from "../../src/storage/store.ts";
import { makeOrder, T0 } from "./fixtures.ts";
import {
  claimOf,
  type ConformanceTest,
  insertSagas,
  LEASE_MS,
  mustCommit,
  mustConflict,
} from "./store_harness.ts";

const DUE = {
  now: T0,
  limit: 10,
  versions: { pay: [1], cancel: [1], refund: [1] },
};

/** A saga that `owner` has claimed, as it is stored. */
async function held(store: Store, owner: string): Promise<Saga> {
  const [saga] = await insertSagas(store, makeOrder(), {});
  if (saga === undefined) throw new Error("one was made");
  await mustCommit(store, claimOf(saga, owner));
  return await read(store, saga);
}

async function read(store: Store, { id }: Saga): Promise<Saga> {
  const saga = await store.saga(id);
  if (saga === null) throw new Error("the saga is there");
  return saga;
}

export function exclusiveConformance(test: ConformanceTest): void {
  test("its leases are exclusive: another incarnation's sagas are free at once after a restart", async (opened) => {
    assertEquals(opened.store.leases.kind, "exclusive");
    const left = await held(opened.store, opened.owner);
    assertEquals(left.leaseUntil, null, "no time is kept");
    assertEquals(await opened.store.dueSagas(DUE), []);
    const { store, owner } = await opened.restart();
    assertEquals(await store.dueSagas(DUE), [left]);
    const stale = { ...left, fence: 0 };
    await mustConflict(store, claimOf(stale, owner), "saga_fence");
    await mustCommit(store, claimOf(left, owner));
    assertEquals(await store.dueSagas(DUE), []);
  });
}

export function timedConformance(test: ConformanceTest): void {
  const renew = (store: Store, ...sagas: Saga[]) =>
    timed(store).renew(sagas.map(({ id }) => id), LEASE_MS);

  test("a claim holds for the lease by the store's own clock, whatever the caller's says", async (opened) => {
    const mine = await held(opened.store, opened.owner);
    assert(mine.leaseUntil !== null, "a time is kept");
    const other = await opened.beside();
    await opened.pass(LEASE_MS - 1);
    for (const now of [T0, T0 + 10 * LEASE_MS]) {
      assertEquals(await other.store.dueSagas({ ...DUE, now }), []);
    }
    assertEquals(await other.store.nextDueAt(), null);
    const taking = claimOf(mine, other.owner);
    await mustConflict(other.store, taking, "saga_not_claimable");
    await opened.pass(1);
    assertEquals(await other.store.dueSagas(DUE), [mine]);
    await mustCommit(other.store, taking);
    const theirs = await read(other.store, mine);
    assertEquals([theirs.owner, theirs.fence], [other.owner, mine.fence + 1]);
  });

  test("a restart does not free what is held: the lease has to run out", async (opened) => {
    const mine = await held(opened.store, opened.owner);
    const next = await opened.restart();
    const claim = claimOf(mine, next.owner);
    await mustConflict(next.store, claim, "saga_not_claimable");
    await next.pass(LEASE_MS);
    await mustCommit(next.store, claim);
  });

  test("a renewal counts from now, for all in one write, and names those that are lost", async (opened) => {
    const kept = await held(opened.store, opened.owner);
    const lost = await held(opened.store, opened.owner);
    const released = await held(opened.store, opened.owner);
    await mustCommit(opened.store, {
      sagaUpdate: {
        saga: { ...released, owner: null, fence: released.fence + 1 },
        expectedFence: released.fence,
      },
    });
    const other = await opened.beside();
    await opened.pass(LEASE_MS - 1);
    assertEquals(await renew(opened.store, kept), []);
    await opened.pass(1);
    await mustCommit(other.store, claimOf(lost, other.owner));
    assertEquals(
      (await renew(opened.store, lost, kept, released)).toSorted(),
      [lost.id, released.id].toSorted(),
    );
    assertEquals((await read(other.store, lost)).owner, other.owner);
    assertEquals((await read(other.store, released)).leaseUntil, null);
    await opened.pass(LEASE_MS - 1);
    const taking = claimOf(kept, other.owner);
    await mustConflict(other.store, taking, "saga_not_claimable");
    await opened.pass(1);
    await mustCommit(other.store, taking);
    assertEquals(await renew(opened.store, kept), [kept.id]);
  });

  test("a lease that ran out can be renewed as long as nobody has taken the saga", async (opened) => {
    const mine = await held(opened.store, opened.owner);
    await opened.pass(3 * LEASE_MS);
    assertEquals(await renew(opened.store, mine), []);
    const other = await opened.beside();
    const taking = claimOf(mine, other.owner);
    await mustConflict(other.store, taking, "saga_not_claimable");
  });

  test("a commit of the holder neither moves nor ends its lease; a release ends it", async (opened) => {
    const mine = await held(opened.store, opened.owner);
    const step = { ...mine, leaseUntil: null, updatedAt: T0 + 1 };
    await opened.pass(LEASE_MS - 1);
    await mustCommit(opened.store, {
      sagaUpdate: { saga: step, expectedFence: mine.fence },
    });
    const { leaseUntil } = await read(opened.store, mine);
    assertEquals(leaseUntil, mine.leaseUntil);
    await mustCommit(opened.store, {
      sagaUpdate: {
        saga: { ...mine, owner: null, fence: mine.fence + 1 },
        expectedFence: mine.fence,
      },
    });
    const released = await read(opened.store, mine);
    assertEquals(released.leaseUntil, null);
    const other = await opened.beside();
    assertEquals(await other.store.dueSagas(DUE), [released]);
  });

  test("after a take-over the fence keeps out whoever had the saga before", async (opened) => {
    const mine = await held(opened.store, opened.owner);
    const other = await opened.beside();
    await opened.pass(LEASE_MS);
    const late = { saga: mine, expectedFence: mine.fence };
    await mustCommit(opened.store, { sagaUpdate: late });
    await mustCommit(other.store, claimOf(mine, other.owner));
    await mustConflict(opened.store, { sagaUpdate: late }, "saga_fence");
    await mustConflict(
      opened.store,
      claimOf(mine, opened.owner),
      "saga_fence",
    );
  });
}

function timed({ leases }: Store): Extract<Leases, { kind: "timed" }> {
  if (leases.kind === "timed") return leases;
  throw new Error("This store's leases have no time");
}

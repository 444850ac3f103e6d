/** Conformance: who may run which saga, and when. */
import { assertEquals } from "@std/assert";
import type { Saga, SagaState } from "../../src/orders/saga.ts";
import type { ChangeSet } from "../../src/storage/store.ts";
import { makeOrder, T0 } from "./fixtures.ts";
import {
  claimOf as claim,
  type ConformanceTest,
  insertSagas as insert,
  mustCommit,
  mustConflict,
} from "./store_harness.ts";

const DUE = {
  now: T0,
  limit: 10,
  versions: { pay: [1], cancel: [1], refund: [1, 2] },
};

function end(
  saga: Saga,
  state: SagaState,
): Required<Pick<ChangeSet, "sagaUpdate">> {
  return {
    sagaUpdate: {
      saga: { ...saga, state, owner: null, finishedAt: T0 },
      expectedFence: saga.fence,
    },
  };
}

export function sagaConformance(test: ConformanceTest): void {
  test("only the lowest-numbered unfinished saga of an order can be claimed", async ({ store, owner }) => {
    const [one, two, three] = await insert(store, makeOrder(), {}, {}, {});
    if (!one || !two || !three) throw new Error("three were made");
    await mustConflict(store, claim(two, owner), "saga_not_claimable");
    await mustConflict(store, claim(three, owner), "saga_not_claimable");
    assertEquals(await store.dueSagas(DUE), [one]);
    assertEquals(await store.nextSaga(one.orderId), one);
    await mustCommit(store, end(one, "completed"));
    assertEquals(await store.dueSagas(DUE), [two]);
    assertEquals(await store.nextSaga(one.orderId), two);
    await mustCommit(store, claim(two, owner));
    await mustConflict(store, claim(three, owner), "saga_not_claimable");
  });

  test("a parked saga holds back the later ones of its order", async ({ store, owner }) => {
    const [one, two] = await insert(store, makeOrder(), {}, {});
    if (!one || !two) throw new Error("two were made");
    const parked = end(one, "parked");
    await mustCommit(store, parked);
    assertEquals(await store.dueSagas(DUE), []);
    assertEquals(await store.nextDueAt(), null);
    assertEquals(
      await store.nextSaga(one.orderId),
      parked.sagaUpdate?.saga ?? null,
    );
    await mustConflict(store, claim(one, owner), "saga_not_claimable");
    await mustConflict(store, claim(two, owner), "saga_not_claimable");
  });

  test("a settled saga cannot be claimed", async ({ store, owner }) => {
    for (const state of ["completed", "failed", "superseded"] as const) {
      const [saga] = await insert(store, makeOrder(), {});
      if (!saga) throw new Error("one was made");
      await mustCommit(store, end(saga, state));
      await mustConflict(store, claim(saga, owner), "saga_not_claimable");
      assertEquals(await store.nextSaga(saga.orderId), null);
    }
  });

  test("a claim that would end the saga in the same commit does not take it from its holder", async ({ store, owner }) => {
    const [saga] = await insert(store, makeOrder(), {});
    if (!saga) throw new Error("one was made");
    const held = claim(saga, owner);
    await mustCommit(store, held);
    const { sagaUpdate } = end(held.sagaUpdate.saga, "completed");
    await mustConflict(
      store,
      { sagaUpdate: { ...sagaUpdate, claim: held.sagaUpdate.claim } },
      "saga_not_claimable",
    );
    await mustCommit(store, { sagaUpdate });
  });

  test("a claim takes the saga out of the due ones, a stale fence gets nothing", async ({ store, owner }) => {
    const [saga] = await insert(store, makeOrder(), {});
    if (!saga) throw new Error("one was made");
    await mustCommit(store, claim(saga, owner));
    assertEquals(await store.dueSagas(DUE), []);
    assertEquals(await store.nextDueAt(), null);
    await mustConflict(store, claim(saga, owner), "saga_fence");
    await mustConflict(store, end(saga, "completed"), "saga_fence");
    const held = await store.saga(saga.id);
    if (held === null) throw new Error("the saga is there");
    const { leaseUntil } = held;
    assertEquals(held, { ...saga, owner, leaseUntil, fence: 1 });
    await mustCommit(store, {
      sagaUpdate: {
        saga: { ...held, owner: null, fence: 2, nextAttemptAt: T0 + 7 },
        expectedFence: 1,
      },
    });
    await mustConflict(store, end(held, "completed"), "saga_fence");
    assertEquals(await store.dueSagas(DUE), []);
    assertEquals(await store.nextDueAt(), T0 + 7);
  });

  test("due sagas come oldest due first, within the limit and the known versions; then those beyond the horizon", async ({ store }) => {
    const at = async (nextAttemptAt: number, fields: Partial<Saga> = {}) => {
      const [saga] = await insert(store, makeOrder(), {
        nextAttemptAt,
        ...fields,
      });
      if (!saga) throw new Error("one was made");
      return saga;
    };
    await at(T0 - 9, { definitionVersion: 2 });
    const third = await at(T0);
    const first = await at(T0 - 5, { kind: "refund", definitionVersion: 2 });
    const later = await at(T0 + 1, { kind: "cancel" });
    const second = await at(T0 - 1, { stuckReason: "still retried" });
    assertEquals(await store.dueSagas(DUE), [first, second, third]);
    assertEquals(await store.dueSagas({ ...DUE, limit: 2 }), [first, second]);
    assertEquals(await store.dueSagas({ ...DUE, now: T0 + 1 }), [
      first,
      second,
      third,
      later,
    ]);
    const far = { now: T0 - 9, horizon: T0 };
    assertEquals(await store.dueSagas({ ...DUE, ...far }), [later]);
    const both = { now: T0 - 1, horizon: T0 };
    assertEquals(await store.dueSagas({ ...DUE, ...both }), [
      first,
      second,
      later,
    ]);
    assertEquals(await store.dueSagas({ ...DUE, ...both, limit: 2 }), [
      first,
      second,
    ]);
    assertEquals(await store.nextDueAt(), T0 - 9);
    assertEquals(await store.nextDueAt(DUE.versions), T0 - 5);
    const after = (at: number) => store.nextDueAt(DUE.versions, at);
    assertEquals(await after(T0 - 6), T0 - 5);
    assertEquals(await after(T0 - 5), T0 - 1);
    assertEquals(await after(T0 + 1), null);
    assertEquals(await store.nextDueAt(undefined, T0 - 9), T0 - 5);
    const none = { pay: [], cancel: [], refund: [] };
    assertEquals(await store.dueSagas({ ...DUE, versions: none }), []);
    assertEquals(await store.nextDueAt(none), null);
  });

  test("a queued saga's time does not count before its turn", async ({ store }) => {
    const [one] = await insert(
      store,
      makeOrder(),
      { nextAttemptAt: T0 + 50 },
      { nextAttemptAt: T0 - 50 },
    );
    if (!one) throw new Error("two were made");
    assertEquals(await store.dueSagas(DUE), []);
    assertEquals(await store.nextDueAt(), T0 + 50);
  });

  test("F81 open sagas of other versions are counted, the oldest named", async (opened) => {
    const { store } = opened;
    const known = { pay: [1], cancel: [1, 2], refund: [1] };
    const none = { first: [], count: 0, unflagged: 0 };
    assertEquals(await store.unknownSagas(known, 9), none);
    const [oldest] = await insert(store, makeOrder(), {
      definitionVersion: 2,
      createdAt: T0 - 9,
      stuckReason: "401",
    });
    await insert(store, makeOrder(), {}, {
      kind: "cancel",
      definitionVersion: 2,
    });
    const [middle] = await insert(store, makeOrder(), {
      kind: "refund",
      definitionVersion: 3,
      createdAt: T0 - 8,
    });
    await insert(store, makeOrder(), { definitionVersion: 2, createdAt: T0 });
    const [ended] = await insert(store, makeOrder(), { definitionVersion: 2 });
    if (!oldest || !middle || !ended) throw new Error("all were made");
    await mustCommit(store, end(ended, "completed"));
    const expected = { first: [oldest, middle], count: 3, unflagged: 2 };
    assertEquals(await store.unknownSagas(known, 2), expected);
    const next = await opened.restart();
    assertEquals(await next.store.unknownSagas(known, 2), expected);
    const all = { pay: [1, 2], cancel: [1, 2], refund: [1, 3] };
    assertEquals(await next.store.unknownSagas(all, 9), none);
  });

  test("saga counters follow every commit and survive a restart", async (opened) => {
    const { store } = opened;
    assertEquals(await store.sagaStats(), {
      open: { pay: 0, cancel: 0, refund: 0 },
      stuck: 0,
      oldestUnfinishedAt: null,
    });
    const [pay, cancel, refund] = await insert(
      store,
      makeOrder(),
      { createdAt: T0 - 3 },
      { kind: "cancel", createdAt: T0 - 2 },
      { kind: "refund", createdAt: T0 - 1, stuckReason: "401" },
    );
    if (!pay || !cancel || !refund) throw new Error("three were made");
    assertEquals(await store.sagaStats(), {
      open: { pay: 1, cancel: 1, refund: 1 },
      stuck: 1,
      oldestUnfinishedAt: T0 - 3,
    });
    await mustCommit(store, end(pay, "completed"));
    await mustCommit(store, end(cancel, "parked"));
    await mustConflict(store, {
      sagaUpdate: {
        ...end(refund, "failed").sagaUpdate,
        expectedFence: 9,
      } as NonNullable<ChangeSet["sagaUpdate"]>,
    }, "saga_fence");
    const expected = {
      open: { pay: 0, cancel: 0, refund: 1 },
      stuck: 2,
      oldestUnfinishedAt: T0 - 2,
    };
    assertEquals(await store.sagaStats(), expected);
    const next = await opened.restart();
    assertEquals(await next.store.sagaStats(), expected);
    await mustCommit(next.store, end(refund, "failed"));
    assertEquals((await next.store.sagaStats()).stuck, 1);
  });
}

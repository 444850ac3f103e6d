/** Conformance: the newest time in the store, by which a clock that is behind is known. */
import { assertEquals } from "@std/assert";
import {
  makeAnswer,
  makeDraft,
  makeOrder,
  makeSaga,
  makeTimeline,
  T0,
} from "./fixtures.ts";
import { type ConformanceTest, mustCommit } from "./store_harness.ts";

export function clockConformance(test: ConformanceTest): void {
  test("F77 the newest time of a new store is null", async ({ store }) => {
    assertEquals(await store.newestAt(), null);
  });

  test("F77 the newest time is that of an event, a sending, a saga, its attempt, an answer or a report", async (opened) => {
    const { store } = opened;
    const order = makeOrder({ createdAt: T0 - 9, updatedAt: T0 - 9 });
    const saga = makeSaga(order, { createdAt: T0 - 9, updatedAt: T0 + 1 });
    await mustCommit(store, {
      orderInsert: order,
      timeline: [makeTimeline(order, { at: T0 - 9 })],
      sagaInsert: saga,
    });
    assertEquals(await store.newestAt(), T0 + 1);
    await mustCommit(store, {
      answer: makeAnswer("key", {
        createdAt: T0 + 2,
        expiresAt: T0 + 86_400_000,
      }),
    });
    assertEquals(await store.newestAt(), T0 + 2);
    await store.saveReport("{}", T0 + 3);
    assertEquals(await store.newestAt(), T0 + 3);
    await mustCommit(store, {
      outbox: [makeDraft(order, { createdAt: T0 + 4 })],
    });
    assertEquals(await store.newestAt(), T0 + 4);
    const [row] = await store.outbox("order", 0, 1);
    await store.markSent([row?.position ?? 0], T0 + 5);
    assertEquals(await store.newestAt(), T0 + 5);
    const attempt = {
      step: "charge",
      request: "{}",
      key: `${saga.id}:charge`,
      firstAttemptAt: T0 + 6,
      unknowns: 0,
    } as const;
    await mustCommit(store, {
      sagaUpdate: {
        saga: { ...saga, attempt, fence: saga.fence + 1 },
        expectedFence: saga.fence,
      },
    });
    assertEquals(await store.newestAt(), T0 + 6);
    // Older ones later change nothing.
    await store.saveReport("{}", T0 - 1_000);
    assertEquals(await store.newestAt(), T0 + 6);
    const next = await opened.restart();
    assertEquals(await next.store.newestAt(), T0 + 6);
  });
}

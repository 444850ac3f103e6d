/** Builders for domain records: valid by default, each field open to the test. */
import { draftEvent, type OutboxDraft } from "../../src/orders/events.ts";
import { newOrderId, newSagaId } from "../../src/orders/ids.ts";
import type { Order, TimelineEntry } from "../../src/orders/order.ts";
import type { Saga } from "../../src/orders/saga.ts";
import type { ChangeSet, StoredAnswer } from "../../src/storage/store.ts";

/** Epoch ms at which the builders' records are born. */
export const T0 = 1_800_000_000_000;
const DAY_MS = 86_400_000;

/** A pending order of 2 x 10.50 EUR. */
export function makeOrder(fields: Partial<Order> = {}): Order {
  return {
    id: newOrderId(),
    customerId: "customer-1",
    currency: "EUR",
    items: [{ sku: "sku-1", qty: 2, priceMinor: 1_050n }],
    amountMinor: 2_100n,
    status: "PENDING",
    version: 1n,
    capturedMinor: 0n,
    refundedMinor: 0n,
    heldMinor: 0n,
    chargeId: null,
    reservationId: null,
    payAccepted: false,
    cancelAccepted: false,
    lastSagaNumber: 0,
    orderSeq: 1,
    sagaSeq: 0,
    createdAt: T0,
    updatedAt: T0,
    ...fields,
  };
}

/** An open, free pay saga of the order, due at once, with the order's next number. */
export function makeSaga(order: Order, fields: Partial<Saga> = {}): Saga {
  return {
    id: newSagaId(),
    orderId: order.id,
    number: order.lastSagaNumber + 1,
    kind: "pay",
    definitionVersion: 1,
    state: "open",
    amountMinor: null,
    reason: "",
    completedSteps: [],
    failure: null,
    attempt: null,
    nextAttemptAt: T0,
    stuckReason: null,
    owner: null,
    leaseUntil: null,
    fence: 0,
    correlationId: "correlation-1",
    traceparent: null,
    createdAt: T0,
    updatedAt: T0,
    finishedAt: null,
    ...fields,
  };
}

/** An answer that is kept for a day. */
export function makeAnswer(
  key: string,
  fields: Partial<StoredAnswer> = {},
): StoredAnswer {
  return {
    key,
    fingerprint: "f00d",
    code: 0,
    message: "",
    payload: new Uint8Array([1, 2, 3]),
    createdAt: T0,
    expiresAt: T0 + DAY_MS,
    ...fields,
  };
}

export function makeTimeline(
  order: Order,
  fields: Partial<TimelineEntry> = {},
): TimelineEntry {
  return {
    orderId: order.id,
    type: "OrderStatusChanged",
    reason: order.status,
    at: T0,
    ...fields,
  };
}

/** The order's creation event. */
export function makeDraft(
  order: Order,
  fields: Partial<OutboxDraft> = {},
): OutboxDraft {
  const topic = fields.topic ?? "order";
  return {
    ...draftEvent({
      order,
      topic,
      seq: fields.seq ?? 1,
      type: topic === "order" ? "order.created" : "saga.started",
      sagaId: null,
      metadata: {},
      traceparent: fields.traceparent ?? null,
      now: fields.createdAt ?? T0,
    }),
    ...fields,
  };
}

/** A change set with an id of its own. */
export function makeChange(parts: Omit<ChangeSet, "commitId">): ChangeSet {
  return { commitId: crypto.randomUUID(), ...parts };
}

/** The order's next version with these fields changed, as a conditional update. */
export function nextVersion(
  order: Order,
  fields: Partial<Order> = {},
): NonNullable<ChangeSet["orderUpdate"]> {
  return {
    order: { ...order, ...fields, version: order.version + 1n },
    expectedVersion: order.version,
  };
}

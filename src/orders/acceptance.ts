/**
 * What may be accepted, decided against the actual *and* the projected order: an accepted pay, cancel or
 * refund counts although its saga has not run. So whatever was acknowledged can happen.
 *
 * Pure: the answer follows from the order and the input alone. Each acceptance is a numbered saga and one
 * more version of the order; the caller writes both, and the answer, in one transaction.
 */
import { type OrderChange, OrderEdit } from "./edit.ts";
import type { OrderId, SagaId } from "./ids.ts";
import { totalMinor } from "./money.ts";
import type { Order, OrderItem } from "./order.ts";
import type { Saga, SagaKind } from "./saga.ts";

/** Version of the saga definitions that new sagas are accepted with. */
const SAGA_DEFINITION_VERSION = 1;

export type RefusalReason =
  | "ORDER_NOT_PENDING"
  | "PAY_ALREADY_ACCEPTED"
  | "CANCEL_ALREADY_ACCEPTED"
  | "FULLY_REFUNDED"
  | "ORDER_CANCELED"
  | "ORDER_NOT_PAID"
  | "NOTHING_TO_REFUND"
  | "REFUND_EXCEEDS_REMAINING"
  | "REFUND_CURRENCY_MISMATCH";

export interface Refusal {
  readonly reason: RefusalReason;
  /** A sentence for the caller. */
  readonly message: string;
}

export type Acceptance =
  | {
    readonly kind: "accepted";
    readonly change: OrderChange;
    readonly saga: Saga;
  }
  /** What was asked for is done, or accepted, already: the answer is the same, and nothing is written to the order. */
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** The request itself is wrong, whatever becomes of the order. */
  | { readonly kind: "invalid"; readonly refusal: Refusal };

export interface AcceptanceInput {
  readonly sagaId: SagaId;
  /** Epoch ms. */
  readonly now: number;
  readonly correlationId: string;
  readonly traceparent: string | null;
}

export interface NewOrder {
  readonly id: OrderId;
  readonly customerId: string;
  readonly currency: string;
  readonly items: readonly OrderItem[];
  /** Epoch ms. */
  readonly now: number;
  readonly traceparent: string | null;
}

/** @throws RangeError when the total does not fit int64; the edge refuses such a request before. */
export function createOrder(input: NewOrder): OrderChange {
  const amountMinor = totalMinor(input.items);
  if (amountMinor === null) {
    throw new RangeError(
      "Cannot create the order: sum of qty x price does not fit int64",
    );
  }
  const blank: Order = {
    id: input.id,
    customerId: input.customerId,
    currency: input.currency,
    items: input.items,
    amountMinor,
    status: "PENDING",
    version: 0n,
    capturedMinor: 0n,
    refundedMinor: 0n,
    heldMinor: 0n,
    chargeId: null,
    reservationId: null,
    payAccepted: false,
    cancelAccepted: false,
    lastSagaNumber: 0,
    orderSeq: 0,
    sagaSeq: 0,
    createdAt: input.now,
    updatedAt: input.now,
  };
  const edit = new OrderEdit(blank, {
    now: input.now,
    traceparent: input.traceparent,
    saga: null,
  });
  edit.status("PENDING");
  edit.emitOrder("order.created", {
    amount_minor: amountMinor.toString(),
    currency: input.currency,
  });
  return edit.finish();
}

/** Captured, and neither refunded nor promised to a refund: what a further refund may take. */
export function refundable(order: Order): bigint {
  return order.capturedMinor - order.refundedMinor - order.heldMinor;
}

export function acceptPay(order: Order, input: AcceptanceInput): Acceptance {
  const closed = closedToChanges(order);
  if (closed !== null) return refused(closed.reason, closed.message);
  if (order.payAccepted) {
    return refused(
      "PAY_ALREADY_ACCEPTED",
      "A payment of this order has already been accepted",
    );
  }
  if (order.status !== "PENDING") {
    return refused(
      "ORDER_NOT_PENDING",
      `The order is ${order.status}; only a PENDING order can be paid`,
    );
  }
  return accepted(order, "pay", input, { payAccepted: true }, null, "");
}

/** A further cancel asks for what has been promised: it depends on no saga's progress, and adds none. */
export function acceptCancel(
  order: Order,
  reason: string,
  input: AcceptanceInput,
): Acceptance {
  if (order.cancelAccepted || order.status === "CANCELED") {
    return { kind: "unchanged" };
  }
  const closed = closedToChanges(order);
  if (closed !== null) return refused(closed.reason, closed.message);
  return accepted(
    order,
    "cancel",
    input,
    { cancelAccepted: true },
    null,
    reason,
  );
}

/** What a refund asks for. */
export interface RefundAmount {
  /** Null: the order's. */
  readonly currency: string | null;
  readonly amountMinor: bigint;
}

/** @param amount null asks for all that is left */
export function acceptRefund(
  order: Order,
  amount: RefundAmount | null,
  reason: string,
  input: AcceptanceInput,
): Acceptance {
  // Before the order's state: an order never changes its currency.
  const currency = amount?.currency ?? order.currency;
  if (currency !== order.currency) {
    return {
      kind: "invalid",
      refusal: {
        reason: "REFUND_CURRENCY_MISMATCH",
        message: `The refund is in ${currency}, the order in ${order.currency}`,
      },
    };
  }
  const closed = closedToChanges(order);
  if (closed !== null) return refused(closed.reason, closed.message);
  if (order.status !== "PAID" && order.status !== "CONFIRMED") {
    return refused(
      "ORDER_NOT_PAID",
      `The order is ${order.status}; only a PAID or CONFIRMED order can be refunded`,
    );
  }
  const left = refundable(order);
  if (left === 0n) {
    return refused(
      "NOTHING_TO_REFUND",
      "Nothing is left to refund: captured, less refunds and accepted refunds, is 0",
    );
  }
  const take = amount?.amountMinor ?? left;
  if (take > left) {
    return refused(
      "REFUND_EXCEEDS_REMAINING",
      `The refund of ${take} exceeds the ${left} that are left (minor units)`,
    );
  }
  const hold = { heldMinor: order.heldMinor + take };
  return accepted(order, "refund", input, hold, take, reason);
}

function closedToChanges(order: Order): Refusal | null {
  if (order.status === "CANCELED") {
    return { reason: "ORDER_CANCELED", message: "The order is CANCELED" };
  }
  if (order.cancelAccepted) {
    return {
      reason: "CANCEL_ALREADY_ACCEPTED",
      message: "A cancel of this order has already been accepted",
    };
  }
  const fullyPromised = order.capturedMinor > 0n && refundable(order) === 0n;
  if (order.status === "REFUNDED" || fullyPromised) {
    return {
      reason: "FULLY_REFUNDED",
      message: "The whole amount has been refunded, or accepted for refund",
    };
  }
  return null;
}

function refused(reason: RefusalReason, message: string): Acceptance {
  return { kind: "refused", refusal: { reason, message } };
}

function accepted(
  order: Order,
  kind: SagaKind,
  input: AcceptanceInput,
  facts: Partial<Pick<Order, "payAccepted" | "cancelAccepted" | "heldMinor">>,
  amountMinor: bigint | null,
  reason: string,
): Acceptance {
  const number = order.lastSagaNumber + 1;
  const saga: Saga = {
    id: input.sagaId,
    orderId: order.id,
    number,
    kind,
    definitionVersion: SAGA_DEFINITION_VERSION,
    state: "open",
    amountMinor,
    reason,
    completedSteps: [],
    failure: null,
    attempt: null,
    nextAttemptAt: input.now,
    stuckReason: null,
    owner: null,
    leaseUntil: null,
    fence: 0,
    correlationId: input.correlationId,
    traceparent: input.traceparent,
    createdAt: input.now,
    updatedAt: input.now,
    finishedAt: null,
  };
  const edit = new OrderEdit(order, {
    now: input.now,
    traceparent: input.traceparent,
    saga,
  });
  edit.facts({ ...facts, lastSagaNumber: number });
  edit.emitSaga(
    "saga.started",
    amountMinor === null ? {} : { amount_minor: amountMinor.toString() },
  );
  return { kind: "accepted", change: edit.finish(), saga };
}

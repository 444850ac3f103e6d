/**
 * The order: its facts and what has been accepted for it.
 *
 * Invariants, kept by the functions of this folder and checked by the property tests:
 * - 0 <= refundedMinor + heldMinor <= capturedMinor <= amountMinor
 * - `version` grows by one with every write of the order, also when a pay, cancel or refund is accepted
 * - `orderSeq` and `sagaSeq` count the events of each topic without gaps
 *
 * All amounts are int64 minor units of `currency`, as bigint. All times are epoch milliseconds.
 */
import type { OrderId } from "./ids.ts";

export const ORDER_STATUSES = [
  "PENDING",
  "RESERVED",
  "PAID",
  "CONFIRMED",
  "CANCELED",
  "REFUNDED",
] as const;
export type OrderStatus = typeof ORDER_STATUSES[number];

export interface OrderItem {
  readonly sku: string;
  readonly qty: number;
  readonly priceMinor: bigint;
}

export interface Order {
  readonly id: OrderId;
  readonly customerId: string;
  readonly currency: string;
  readonly items: readonly OrderItem[];
  readonly amountMinor: bigint;
  readonly status: OrderStatus;
  readonly version: bigint;
  /** Captured by the payment provider and on record. */
  readonly capturedMinor: bigint;
  /** Refunded by the payment provider and on record. */
  readonly refundedMinor: bigint;
  /** Sum of the accepted refunds that are not yet settled. */
  readonly heldMinor: bigint;
  readonly chargeId: string | null;
  /**
   * Set while inventory is, or may be, reserved for this order: the provider's id, or the key of the call whose
   * answer was never known. Null again after the release.
   */
  readonly reservationId: string | null;
  readonly payAccepted: boolean;
  readonly cancelAccepted: boolean;
  /** Number of the newest accepted saga; 0 when there is none. */
  readonly lastSagaNumber: number;
  readonly orderSeq: number;
  readonly sagaSeq: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const TIMELINE_TYPES = [
  "OrderStatusChanged",
  "OrderCanceled",
  "OrderRefunded",
  "OrderSagaFailed",
] as const;
export type TimelineType = typeof TIMELINE_TYPES[number];

export interface TimelineEntry {
  readonly orderId: OrderId;
  readonly type: TimelineType;
  readonly reason: string;
  readonly at: number;
}

/** Domain records as wire messages. Total functions: whatever is stored can be answered. */
import type { Order, OrderStatus, TimelineEntry } from "../orders/order.ts";
import {
  type Order as OrderMessage,
  OrderStatus as WireStatus,
  type TimelineEvent,
} from "./gen/oms/v1/order_service.ts";

const TO_WIRE: Readonly<Record<OrderStatus, WireStatus>> = {
  PENDING: WireStatus.ORDER_STATUS_PENDING,
  RESERVED: WireStatus.ORDER_STATUS_RESERVED,
  PAID: WireStatus.ORDER_STATUS_PAID,
  CONFIRMED: WireStatus.ORDER_STATUS_CONFIRMED,
  CANCELED: WireStatus.ORDER_STATUS_CANCELED,
  REFUNDED: WireStatus.ORDER_STATUS_REFUNDED,
};

const FROM_WIRE = new Map<WireStatus, OrderStatus>(
  Object.entries(TO_WIRE).map((
    [status, wire],
  ) => [wire, status as OrderStatus]),
);

export function statusToWire(status: OrderStatus): WireStatus {
  return TO_WIRE[status];
}

/** Null for UNSPECIFIED and for numbers that are not in the contract. */
export function statusFromWire(wire: WireStatus): OrderStatus | null {
  return FROM_WIRE.get(wire) ?? null;
}

export function orderMessage(order: Order): OrderMessage {
  const { currency } = order;
  return {
    id: order.id,
    customerId: order.customerId,
    status: statusToWire(order.status),
    amount: { currency, amountMinor: order.amountMinor },
    items: order.items.map(({ sku, qty, priceMinor }) => ({
      sku,
      qty,
      price: { currency, amountMinor: priceMinor },
    })),
    version: order.version,
    currency,
    refunded: { currency, amountMinor: order.refundedMinor },
    createdAt: timestamp(order.createdAt),
    updatedAt: timestamp(order.updatedAt),
  };
}

/** Times of the timeline are whole seconds on the wire. */
export function timelineMessage(entry: TimelineEntry): TimelineEvent {
  return {
    type: entry.type,
    reason: entry.reason,
    unixTime: BigInt(Math.floor(entry.at / 1_000)),
  };
}

function timestamp(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1_000) * 1e6 };
}

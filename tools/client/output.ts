/** Answers and errors as JSON: snake_case, 64-bit numbers as strings, times in RFC 3339. */
import { status as codes } from "@grpc/grpc-js";
import { RpcError } from "../../src/grpc/errors.ts";
import type { Timestamp } from "../../src/grpc/gen/google/protobuf/timestamp.ts";
import {
  type Money,
  type Order,
  OrderStatus,
  type TimelineEvent,
} from "../../src/grpc/gen/oms/v1/order_service.ts";

/** `CONFIRMED`; a number that the contract does not know stays a number. */
export function statusName(status: OrderStatus): string {
  const name: string | undefined = OrderStatus[status];
  return name?.replace("ORDER_STATUS_", "") ?? String(status);
}

export function orderJson(order: Order | undefined): unknown {
  if (order === undefined) return null;
  return {
    id: order.id,
    customer_id: order.customerId,
    status: statusName(order.status),
    amount: moneyJson(order.amount),
    refunded: moneyJson(order.refunded),
    currency: order.currency,
    items: order.items.map(({ sku, qty, price }) => ({
      sku,
      qty,
      price: moneyJson(price),
    })),
    version: order.version.toString(),
    created_at: timeJson(order.createdAt),
    updated_at: timeJson(order.updatedAt),
  };
}

export function timelineJson(timeline: readonly TimelineEvent[]): unknown {
  return timeline.map(({ type, reason, unixTime }) => ({
    type,
    reason,
    at: new Date(Number(unixTime) * 1_000).toISOString(),
  }));
}

/** The code's name, as FAILED_PRECONDITION. */
export function codeName(code: number): string {
  return codes[code] ?? String(code);
}

/**
 * What a script can decide on, and a sentence for a person.
 *
 * @param address where the call went
 */
export function errorJson(
  error: unknown,
  address: string,
): Record<string, unknown> {
  if (!(error instanceof RpcError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: "CLIENT", reason: "CLIENT", message };
  }
  const { code, reason, message, violations, retryAfterMs, metadata } = error;
  return {
    code: codeName(code),
    reason,
    message: answered(error)
      ? message
      : `Cannot reach a service at ${address}: start it, or correct --addr (OMS_GRPC_ADDR). ${message}`,
    ...(violations.length > 0
      ? {
        violations: violations.map(({ field, description }) => ({
          field,
          description,
        })),
      }
      : {}),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

/** Whatever the service answers has a reason of its own; without one this is the library's word. */
function answered({ code, reason }: RpcError): boolean {
  return code !== codes.UNAVAILABLE || reason !== codeName(code);
}

function moneyJson(money: Money | undefined): unknown {
  if (money === undefined) return null;
  const { currency, amountMinor } = money;
  return { currency, amount_minor: amountMinor.toString() };
}

function timeJson(time: Timestamp | undefined): string | null {
  if (time === undefined) return null;
  return new Date(Number(time.seconds) * 1_000 + time.nanos / 1e6)
    .toISOString();
}

/** Answers and errors as JSON: snake_case, 64-bit numbers as strings, times in RFC 3339. */
import { status as codes } from "@grpc/grpc-js";
import { formatDuration } from "../../src/config/duration.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import type { Timestamp } from "../../src/grpc/gen/google/protobuf/timestamp.ts";
import {
  type Money,
  type Order,
  OrderStatus,
  type TimelineEvent,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { StatusNotReachedError } from "./status_not_reached.ts";

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

/** What a call was about. */
export interface Called {
  /** Where it went. */
  readonly address: string;
  /** What it was given, in ms. */
  readonly timeoutMs: number;
}

/** What a script can decide on, and a sentence for a person. */
export function errorJson(
  error: unknown,
  called: Called,
): Record<string, unknown> {
  if (error instanceof StatusNotReachedError) {
    const { message, awaited, last } = error;
    const reason = "STATUS_NOT_REACHED";
    return { code: "CLIENT", reason, message, awaited, last_status: last };
  }
  if (!(error instanceof RpcError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: "CLIENT", reason: "CLIENT", message };
  }
  const { violations, retryAfterMs, metadata } = error;
  return {
    ...sentence(error, called),
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

/** Whatever the service answers has a reason of its own; without one this is the library's word, and says too little. */
function sentence(
  { code, reason, message }: RpcError,
  { address, timeoutMs }: Called,
) {
  const name = codeName(code);
  const timeout = formatDuration(timeoutMs);
  const nobody =
    `Cannot reach a service at ${address}: start it, or correct --addr (OMS_GRPC_ADDR).`;
  if (code === codes.UNAVAILABLE && reason === name) {
    return { code: name, reason, message: `${nobody} ${message}` };
  }
  if (code !== codes.DEADLINE_EXCEEDED) return { code: name, reason, message };
  // A call that waits for its first connection was never sent: grpc-js says so in its message alone.
  if (
    /waiting for (?:lb pick|name resolution)/i.test(message) &&
    !message.includes("previous attempts")
  ) {
    const unreachable = codeName(codes.UNAVAILABLE);
    return {
      code: unreachable,
      reason: unreachable,
      message: `${nobody} Nobody answered within ${timeout} (--timeout).`,
    };
  }
  return {
    code: name,
    reason,
    message:
      `No answer from ${address} within ${timeout} (--timeout): what was asked for may have been accepted; ask again, with the same --key. ${message}`,
  };
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

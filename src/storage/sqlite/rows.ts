/**
 * Domain records to rows and back. Each table's columns are named once, here.
 *
 * Reads come from statements with `setReadBigInts`, so every integer arrives as a bigint: int64 amounts
 * stay exact, and what is a number in the domain is narrowed explicitly.
 */
import type { OutboxDraft } from "../../orders/events.ts";
import type { OrderId } from "../../orders/ids.ts";
import type {
  Order,
  OrderItem,
  OrderStatus,
  TimelineEntry,
} from "../../orders/order.ts";
import type { OutboxRow, StoredAnswer } from "../store.ts";
import type { Row, SqlValue } from "./protocol.ts";

export type Columns = Record<string, unknown>;

/** What an update may change; the rest of an order is fixed at its creation. */
const ORDER_MUTABLE = [
  "status",
  "version",
  "captured_minor",
  "refunded_minor",
  "held_minor",
  "charge_id",
  "reservation_id",
  "pay_accepted",
  "cancel_accepted",
  "last_saga_number",
  "order_seq",
  "saga_seq",
  "updated_at",
] as const;
const ORDER_FIXED = [
  "id",
  "customer_id",
  "currency",
  "amount_minor",
  "created_at",
  "items",
] as const;

export const ORDER_INSERT = insertInto("orders", [
  ...ORDER_FIXED,
  ...ORDER_MUTABLE,
]) + " ON CONFLICT (id) DO NOTHING";
export const ORDER_UPDATE = `UPDATE orders SET ${assign(ORDER_MUTABLE)}
  WHERE id = ? AND version = ?`;
export const ANSWER_PUT = insertInto("answers", [
  "key",
  "fingerprint",
  "code",
  "message",
  "created_at",
  "expires_at",
  "payload",
]) + ` ON CONFLICT (key) DO UPDATE SET
  fingerprint = excluded.fingerprint, code = excluded.code,
  message = excluded.message, created_at = excluded.created_at,
  expires_at = excluded.expires_at, payload = excluded.payload
  WHERE answers.expires_at <= excluded.created_at`;
/** Outbox rows that were sent as dead letters: kept, while `sent_at` of all others rises from 0. */
export const DEAD_LETTER = "sent_at < 0";

/** `sent_at` of a dead letter. */
export function deadAt(now: number): number {
  return -Math.max(1, now);
}

export const OUTBOX_INSERT = insertInto("outbox", [
  "topic",
  "event_id",
  "key",
  "seq",
  "event_type",
  "traceparent",
  "value",
  "created_at",
]);
export const TIMELINE_INSERT =
  `INSERT INTO timeline (order_id, n, type, reason, at)
  VALUES (?1, 1 + (SELECT coalesce(max(n), 0) FROM timeline WHERE order_id = ?1), ?2, ?3, ?4)`;

export function insertInto(table: string, columns: readonly string[]): string {
  const marks = columns.map(() => "?").join(", ");
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${marks})`;
}

export function assign(columns: readonly string[]): string {
  return columns.map((column) => `${column} = ?`).join(", ");
}

function orderMutableRow(order: Order): SqlValue[] {
  return [
    order.status,
    order.version,
    order.capturedMinor,
    order.refundedMinor,
    order.heldMinor,
    order.chargeId,
    order.reservationId,
    order.payAccepted ? 1 : 0,
    order.cancelAccepted ? 1 : 0,
    order.lastSagaNumber,
    order.orderSeq,
    order.sagaSeq,
    order.updatedAt,
  ];
}

export function orderInsertRow(order: Order): Row {
  return [
    order.id,
    order.customerId,
    order.currency,
    order.amountMinor,
    order.createdAt,
    encodeItems(order.items),
    ...orderMutableRow(order),
  ];
}

export function orderUpdateRow(order: Order, expectedVersion: bigint): Row {
  return [...orderMutableRow(order), order.id, expectedVersion];
}

export function decodeOrder(row: Columns): Order {
  return {
    // The row was written from an Order: the casts restore what TEXT forgot.
    id: text(row, "id") as OrderId,
    customerId: text(row, "customer_id"),
    currency: text(row, "currency"),
    items: decodeItems(text(row, "items")),
    amountMinor: int64(row, "amount_minor"),
    status: text(row, "status") as OrderStatus,
    version: int64(row, "version"),
    capturedMinor: int64(row, "captured_minor"),
    refundedMinor: int64(row, "refunded_minor"),
    heldMinor: int64(row, "held_minor"),
    chargeId: textOrNull(row, "charge_id"),
    reservationId: textOrNull(row, "reservation_id"),
    payAccepted: int64(row, "pay_accepted") !== 0n,
    cancelAccepted: int64(row, "cancel_accepted") !== 0n,
    lastSagaNumber: int(row, "last_saga_number"),
    orderSeq: int(row, "order_seq"),
    sagaSeq: int(row, "saga_seq"),
    createdAt: int(row, "created_at"),
    updatedAt: int(row, "updated_at"),
  };
}

/** Prices are decimal strings: JSON numbers end at 2^53. */
function encodeItems(items: readonly OrderItem[]): string {
  return JSON.stringify(
    items.map((item) => [item.sku, item.qty, item.priceMinor.toString()]),
  );
}

function decodeItems(json: string): OrderItem[] {
  const items = JSON.parse(json) as [string, number, string][];
  return items.map(([sku, qty, price]) => ({
    sku,
    qty,
    priceMinor: BigInt(price),
  }));
}

export function timelineRow(entry: TimelineEntry): Row {
  return [entry.orderId, entry.type, entry.reason, entry.at];
}

export function decodeTimeline(row: Columns): TimelineEntry {
  return {
    orderId: text(row, "order_id") as OrderId,
    type: text(row, "type") as TimelineEntry["type"],
    reason: text(row, "reason"),
    at: int(row, "at"),
  };
}

export function outboxDraftRow(draft: OutboxDraft): Row {
  return [
    draft.topic,
    draft.eventId,
    draft.key,
    draft.seq,
    draft.eventType,
    draft.traceparent,
    draft.value,
    draft.createdAt,
  ];
}

export function decodeOutbox(row: Columns): OutboxRow {
  return {
    position: int(row, "position"),
    topic: text(row, "topic") as OutboxRow["topic"],
    eventId: text(row, "event_id"),
    key: text(row, "key") as OrderId,
    seq: int(row, "seq"),
    eventType: text(row, "event_type") as OutboxRow["eventType"],
    traceparent: textOrNull(row, "traceparent"),
    value: text(row, "value"),
    createdAt: int(row, "created_at"),
  };
}

export function answerRow(answer: StoredAnswer): Row {
  return [
    answer.key,
    answer.fingerprint,
    answer.code,
    answer.message,
    answer.createdAt,
    answer.expiresAt,
    answer.payload,
  ];
}

export function decodeAnswer(row: Columns): StoredAnswer {
  const payload = row.payload;
  if (!(payload instanceof Uint8Array)) throw unreadable("payload", payload);
  return {
    key: text(row, "key"),
    fingerprint: text(row, "fingerprint"),
    code: int(row, "code"),
    message: text(row, "message"),
    payload,
    createdAt: int(row, "created_at"),
    expiresAt: int(row, "expires_at"),
  };
}

export function text(row: Columns, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw unreadable(column, value);
  return value;
}

export function textOrNull(row: Columns, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function int64(row: Columns, column: string): bigint {
  const value = row[column];
  if (typeof value !== "bigint") throw unreadable(column, value);
  return value;
}

export function int(row: Columns, column: string): number {
  return Number(int64(row, column));
}

export function intOrNull(row: Columns, column: string): number | null {
  return row[column] === null ? null : int(row, column);
}

function unreadable(column: string, value: unknown): TypeError {
  return new TypeError(
    `Cannot read column ${column}: unexpected ${typeof value}; the file was ` +
      `written by something else`,
  );
}

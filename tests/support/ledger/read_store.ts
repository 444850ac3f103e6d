/**
 * The store's side, read from oms.db with SQL of its own: a judge that shared
 * the product's decoders would share their mistakes.
 *
 * Only for a store that no process has open: opening and closing a file that
 * this very process holds drops SQLite's locks on it.
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { StoreFacts } from "./facts.ts";

const integer = z.bigint();
const number = z.bigint().transform(Number);
const text = z.string();

const OrderRow = z.object({
  id: text,
  customer_id: text,
  currency: text,
  status: z.enum([
    "PENDING",
    "RESERVED",
    "PAID",
    "CONFIRMED",
    "CANCELED",
    "REFUNDED",
  ]),
  version: integer,
  amount_minor: integer,
  captured_minor: integer,
  refunded_minor: integer,
  held_minor: integer,
  charge_id: text.nullable(),
  reservation_id: text.nullable(),
  last_saga_number: number,
  order_seq: number,
  saga_seq: number,
  created_at: number,
}).transform((row) => ({
  id: row.id,
  customerId: row.customer_id,
  currency: row.currency,
  status: row.status,
  version: row.version,
  amountMinor: row.amount_minor,
  capturedMinor: row.captured_minor,
  refundedMinor: row.refunded_minor,
  heldMinor: row.held_minor,
  chargeId: row.charge_id,
  reservationId: row.reservation_id,
  lastSagaNumber: row.last_saga_number,
  orderSeq: row.order_seq,
  sagaSeq: row.saga_seq,
  createdAt: row.created_at,
}));

const SagaRow = z.object({
  id: text,
  order_id: text,
  number: number,
  kind: z.enum(["pay", "cancel", "refund"]),
  state: z.enum(["open", "completed", "failed", "superseded", "parked"]),
  amount_minor: integer.nullable(),
  reason: text,
  completed_steps: text.transform((json) =>
    z.array(text).parse(JSON.parse(json))
  ),
  failure: text.nullable(),
  attempt_step: text.nullable(),
  stuck_reason: text.nullable(),
  fence: number,
  created_at: number,
  finished_at: number.nullable(),
}).transform((row) => ({
  id: row.id,
  orderId: row.order_id,
  number: row.number,
  kind: row.kind,
  state: row.state,
  amountMinor: row.amount_minor,
  reason: row.reason,
  completedSteps: row.completed_steps,
  failure: row.failure,
  attemptStep: row.attempt_step,
  stuckReason: row.stuck_reason,
  fence: row.fence,
  createdAt: row.created_at,
  finishedAt: row.finished_at,
}));

const TimelineRow = z.object({
  order_id: text,
  type: text,
  reason: text,
  at: number,
})
  .transform(({ order_id, ...rest }) => ({ orderId: order_id, ...rest }));
const AnswerRow = z.object({
  key: text,
  code: number,
  payload: z.instanceof(Uint8Array),
});
const OutboxRow = z.object({
  event_id: text,
  value: text,
  sent_at: number.nullable(),
});

/**
 * Reads everything of `oms.db`.
 *
 * @throws Error when the file is missing or has another schema
 */
export function readStore(path: string): StoreFacts {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = <T>(sql: string, schema: z.ZodType<T>): T[] => {
      const statement = db.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all().map((row) => schema.parse(row));
    };
    return {
      orders: rows("SELECT * FROM orders", OrderRow),
      sagas: rows("SELECT * FROM sagas ORDER BY order_id, number", SagaRow),
      timeline: rows(
        "SELECT * FROM timeline ORDER BY order_id, n",
        TimelineRow,
      ),
      answers: new Map(
        rows("SELECT key, code, payload FROM answers", AnswerRow)
          .map(({ key, ...answer }) => [key, answer]),
      ),
      outbox: new Map(
        rows("SELECT event_id, value, sent_at FROM outbox", OutboxRow)
          .map(({ event_id, value, sent_at }) => [
            event_id,
            { value, sent: sent_at !== null },
          ]),
      ),
    };
  } finally {
    db.close();
  }
}

/** What the service's transactions have left in the outbox, sent or not. */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { CommittedEvent } from "./check.ts";

const Row = z.object({
  event_id: z.string(),
  topic: z.enum(["order", "saga"]),
  key: z.string(),
  seq: z.number(),
  event_type: z.string(),
  traceparent: z.string().nullable(),
  value: z.string(),
  sent: z.number(),
}).transform(({ event_id, event_type, ...row }) => ({
  ...row,
  eventId: event_id,
  eventType: event_type,
  sent: row.sent === 1,
}));

/**
 * Reads oms.db with SQL of its own. Only for a store that no process has open
 * (see ledger/read_store.ts); sent rows are kept for OMS_OUTBOX_RETENTION.
 *
 * @throws Error when the file is missing or has another schema
 */
export function readCommitted(
  dataDir: string,
): (CommittedEvent & { readonly sent: boolean })[] {
  const db = new DatabaseSync(`${dataDir}/oms.db`, { readOnly: true });
  try {
    return db.prepare(
      `SELECT event_id, topic, key, seq, event_type, traceparent, value,
         sent_at IS NOT NULL AS sent FROM outbox ORDER BY position`,
    ).all().map((row) => Row.parse(row));
  } finally {
    db.close();
  }
}

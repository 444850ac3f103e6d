/** Records as they leave: an outbox row's own record, and the dead letter of one that the broker refuses. */
import type { OutboxRow } from "../storage/store.ts";
import type { EventRecord } from "./publisher.ts";

/**
 * Enough to recognise the event by, and little enough for a topic with the same limit; the whole value stays in the
 * outbox until an operator replays or dismisses it.
 */
const DEAD_LETTER_VALUE_BYTES = 1024;
const ERROR_MESSAGE_BYTES = 512;

export function toRecord(row: OutboxRow, topic: string): EventRecord {
  const headers: Record<string, string> = {
    "event-id": row.eventId,
    "event-type": row.eventType,
  };
  if (row.traceparent !== null) headers.traceparent = row.traceparent;
  return { topic, key: row.key, value: row.value, headers };
}

export interface Refusal {
  readonly topic: string;
  readonly message: string;
  /** How often a publish that held the record has failed. */
  readonly attempts: number;
  /** Epoch ms. */
  readonly failedAt: number;
}

/** The refused record's headers, why it was refused, and the first 1 KiB of its value. */
export function deadLetter(record: EventRecord, refusal: Refusal): EventRecord {
  return {
    topic: refusal.topic,
    key: record.key,
    value: cutUtf8(record.value, DEAD_LETTER_VALUE_BYTES),
    headers: {
      ...record.headers,
      "x-retry-count": String(refusal.attempts),
      "x-original-topic": record.topic,
      "x-error-message": cutUtf8(refusal.message, ERROR_MESSAGE_BYTES),
      "x-failed-at": new Date(refusal.failedAt).toISOString(),
    },
  };
}

/** The longest prefix of whole characters that fits `maxBytes` of UTF-8. */
export function cutUtf8(text: string, maxBytes: number): string {
  const bytes = new Uint8Array(maxBytes);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}

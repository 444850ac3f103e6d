/**
 * The consumers' side: what was published, topic by topic, in the order of the
 * topic. A dead letter counts as its event: it fills the place of its seq.
 */
import { z } from "zod";
import { parseJson } from "../../../tools/load/ndjson.ts";
import type { EventFact } from "./facts.ts";
import { eventFiles } from "./event_files.ts";
import { readLines } from "./lines.ts";

/** A record as a consumer gets it, from a file or from a broker. */
export interface ConsumedRecord {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The value's text as it came. */
  readonly value: string;
}

/** Names of the topics; the contract's defaults. */
export interface TopicNames {
  readonly order: string;
  readonly saga: string;
  readonly dlq: string;
}

export const TOPICS: TopicNames = {
  order: "oms.order.events",
  saga: "oms.saga.events",
  dlq: "oms.dlq",
};

const Record_ = z.object({
  topic: z.string(),
  key: z.string(),
  headers: z.record(z.string(), z.string()),
});

const Envelope = z.object({
  id: z.string(),
  event_type: z.string(),
  seq: z.number().int().positive(),
  occurred_at: z.string(),
  payload: z.object({ order_id: z.string() }),
});

/** @throws Error for a record that no consumer could read */
export function eventOf(
  record: ConsumedRecord,
  topics: TopicNames = TOPICS,
): EventFact {
  const { headers, key } = record;
  if (record.topic === topics.dlq) {
    const id = headers["event-id"] ?? "";
    const seq = Number(/:(\d+)(?::g\d+-\w+)?$/.exec(id)?.[1] ?? NaN);
    const meant = headers["x-original-topic"];
    if (!Number.isInteger(seq) || meant === undefined) unreadable(record);
    return {
      topic: meant === topics.order ? "order" : "saga",
      orderId: key,
      seq,
      id,
      type: headers["event-type"] ?? "",
      occurredAt: null,
      value: null,
    };
  }
  if (record.topic !== topics.order && record.topic !== topics.saga) {
    unreadable(record);
  }
  const parsed = Envelope.safeParse(parseJson(record.value));
  if (!parsed.success) return unreadable(record);
  const { id, event_type, seq, occurred_at, payload } = parsed.data;
  const consistent = headers["event-id"] === id &&
    headers["event-type"] === event_type && payload.order_id === key;
  if (!consistent) unreadable(record);
  return {
    topic: record.topic === topics.order ? "order" : "saga",
    orderId: key,
    seq,
    id,
    type: event_type,
    occurredAt: Date.parse(occurred_at),
    value: record.value,
  };
}

/**
 * Reads the file publisher's events.ndjson and what was set aside of it, by itself or by others; none means that
 * nothing was published.
 */
export function readEvents(path: string): EventFact[] {
  return eventFiles(path).flatMap(readLines)
    .map((line) => eventOf(recordOf(line)));
}

/** The value is cut out of the line as it stands: its bytes are part of the promise. */
function recordOf(line: string): ConsumedRecord {
  const parsed = Record_.safeParse(parseJson(line));
  if (!parsed.success) {
    throw new Error(`Cannot judge: no event line (received ${line})`);
  }
  const { topic, key, headers } = parsed.data;
  const head = JSON.stringify({ topic, key, headers }).slice(0, -1);
  const start = `${head},"value":`;
  if (!line.startsWith(start) || !line.endsWith("}")) {
    throw new Error(`Cannot judge: unexpected event line (received ${line})`);
  }
  return { topic, key, headers, value: line.slice(start.length, -1) };
}

function unreadable(record: ConsumedRecord): never {
  throw new Error(
    `Cannot judge: a consumer cannot read this record (received ${
      JSON.stringify(record)
    })`,
  );
}

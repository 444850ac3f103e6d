/**
 * What a consumer may rely on, judged by what was committed.
 *
 * Every committed event arrives, and nothing else. Per order and topic the
 * first copies come in the order of `seq`, 1..n without gaps; a dead letter
 * fills its place. Later copies may follow: the same id, the same bytes, the
 * same partition. Each record has its key and exactly the headers `event-id`,
 * `event-type` and, where the event has one, `traceparent`.
 */
import { cutUtf8 } from "../../../src/events/dead_letter.ts";
import type { TestTopics } from "./shared.ts";
import type { TopicRecord } from "./records.ts";

/** An event that a transaction has left. */
export interface CommittedEvent {
  readonly eventId: string;
  readonly topic: "order" | "saga";
  readonly key: string;
  readonly seq: number;
  readonly eventType: string;
  readonly traceparent: string | null;
  readonly value: string;
}

/** What was found. */
export interface Delivery {
  /** Empty: all is as promised. */
  readonly problems: readonly string[];
  /** Copies beyond the first ones. */
  readonly duplicates: number;
  readonly deadLetters: number;
}

/** Of a dead letter's value, in bytes (the contract's number). */
const DEAD_LETTER_BYTES = 1024;
const NAMED_PROBLEMS = 10;
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** `consumed`: all of the three topics, each partition in the order of offsets. */
export function checkDelivery(
  committed: readonly CommittedEvent[],
  consumed: readonly TopicRecord[],
  topics: TestTopics,
): Delivery {
  const problems: string[] = [];
  const events = new Map(committed.map((event) => [event.eventId, event]));
  const seen = new Map<string, TopicRecord>();
  const letters = new Set<string>();
  /** Per lane of an order (topic and key): first copies, in order of arrival. */
  const firsts = new Map<string, number[]>();
  let duplicates = 0;
  for (const record of consumed) {
    const id = record.headers["event-id"] ?? "";
    const event = events.get(id);
    if (event === undefined) {
      problems.push(`${place(record)} holds ${id}, which nobody has committed`);
      continue;
    }
    const isLetter = record.topic === topics.dlq;
    const faults = isLetter
      ? letterFaults(record, event, topics)
      : recordFaults(record, event, topics);
    problems.push(
      ...faults.map((fault) => `${place(record)}, ${id}: ${fault}`),
    );
    if (isLetter) {
      letters.add(id);
      continue;
    }
    const first = seen.get(id);
    if (first === undefined) {
      seen.set(id, record);
      const lane = laneOf(event);
      firsts.set(lane, [...firsts.get(lane) ?? [], event.seq]);
    } else {
      duplicates += 1;
      if (first.partition !== record.partition) {
        problems.push(`${id} is on ${place(first)} and on ${place(record)}`);
      }
    }
  }
  for (const [id, event] of events) {
    const arrived = seen.has(id);
    if (!arrived && !letters.has(id)) problems.push(`${id} never arrived`);
    if (arrived && letters.has(id)) {
      problems.push(`${id} arrived and is a dead letter as well`);
    }
    if (event.eventId !== `${event.key}:${event.topic}:${event.seq}`) {
      problems.push(`${id} is not the id of ${event.key} ${event.seq}`);
    }
  }
  problems.push(...orderFaults(committed, firsts));
  return { problems, duplicates, deadLetters: letters.size };
}

/** @throws Error with the first problems */
export function assertDelivered(
  committed: readonly CommittedEvent[],
  consumed: readonly TopicRecord[],
  topics: TestTopics,
): Delivery {
  const delivery = checkDelivery(committed, consumed, topics);
  const { problems } = delivery;
  if (problems.length === 0) return delivery;
  throw new Error(
    [
      `${problems.length} broken promises to consumers (${committed.length} events committed, ${consumed.length} records):`,
      ...problems.slice(0, NAMED_PROBLEMS),
    ].join("\n  "),
  );
}

function recordFaults(
  record: TopicRecord,
  event: CommittedEvent,
  topics: TestTopics,
): string[] {
  return [
    ...(record.topic === topics[event.topic] ? [] : ["the wrong topic"]),
    ...(record.key === event.key ? [] : [`its key is ${record.key}`]),
    ...(record.value === event.value ? [] : ["its bytes are others"]),
    ...headerFaults(record.headers, headersOf(event)),
  ];
}

function letterFaults(
  record: TopicRecord,
  event: CommittedEvent,
  topics: TestTopics,
): string[] {
  const { headers } = record;
  const failedAt = headers["x-failed-at"] ?? "";
  return [
    ...(record.key === event.key ? [] : [`its key is ${record.key}`]),
    ...(record.value === cutUtf8(event.value, DEAD_LETTER_BYTES)
      ? []
      : ["its value is not the event's first 1 KiB"]),
    ...(Number(headers["x-retry-count"]) >= 1 ? [] : ["no x-retry-count"]),
    ...(headers["x-error-message"] ? [] : ["no x-error-message"]),
    ...(ISO_TIME.test(failedAt) ? [] : ["x-failed-at is no time"]),
    ...headerFaults(headers, {
      ...headersOf(event),
      "x-original-topic": topics[event.topic],
      "x-retry-count": headers["x-retry-count"] ?? "",
      "x-error-message": headers["x-error-message"] ?? "",
      "x-failed-at": failedAt,
    }),
  ];
}

function headersOf(event: CommittedEvent): Record<string, string> {
  return {
    "event-id": event.eventId,
    "event-type": event.eventType,
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
  };
}

function headerFaults(
  found: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): string[] {
  const names = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...names].filter((name) => found[name] !== wanted[name])
    .map((name) =>
      `its header ${name} is ${found[name]} instead of ${wanted[name]}`
    );
}

function orderFaults(
  committed: readonly CommittedEvent[],
  firsts: ReadonlyMap<string, readonly number[]>,
): string[] {
  const faults: string[] = [];
  const committedSeqs = new Map<string, number[]>();
  for (const event of committed) {
    const lane = laneOf(event);
    committedSeqs.set(lane, [...committedSeqs.get(lane) ?? [], event.seq]);
  }
  for (const [lane, seqs] of committedSeqs) {
    seqs.sort((a, b) => a - b);
    if (seqs.some((seq, index) => seq !== index + 1)) {
      faults.push(`${lane} has gaps in what was committed: ${seqs}`);
    }
    const arrived = firsts.get(lane) ?? [];
    const at = arrived.findIndex((seq, index) =>
      index > 0 && seq < (arrived[index - 1] ?? 0)
    );
    if (at >= 0) {
      faults.push(
        `${lane}: ${arrived[at]} came first after ${arrived[at - 1]}`,
      );
    }
  }
  return faults;
}

function laneOf({ topic, key }: CommittedEvent): string {
  return `${key} (${topic})`;
}

function place({ topic, partition, offset }: TopicRecord): string {
  return `${topic}[${partition}]@${offset}`;
}

/** What a consumer gets from real topics. */
import type { Kafka } from "kafkajs";
import { BrokerError } from "./errors.ts";
import { fromLeaders } from "./from_leaders.ts";
import type { ConsumedRecord } from "../ledger/read_events.ts";

/** A record and where it stands. */
export interface TopicRecord extends ConsumedRecord {
  readonly partition: number;
  readonly offset: number;
}

/** For all topics, in ms. */
const READ_MS = 60_000;
/** Also bounds how long the consumer takes to leave (5 s with the library's default). */
const MAX_WAIT_MS = 100;

/**
 * Reads from the beginning to what is there at the call, by topic, partition
 * and offset.
 *
 * @throws BrokerError when that takes too long
 */
export async function readTopics(
  kafka: Kafka,
  topics: readonly string[],
): Promise<TopicRecord[]> {
  /** Partitions that are not read yet, with the offset that ends each. */
  const left = new Map<string, number>();
  const admin = kafka.admin();
  try {
    await admin.connect();
    for (const topic of topics) {
      const offsets = await fromLeaders(
        topic,
        () => admin.fetchTopicOffsets(topic),
      );
      for (const { partition, low, high } of offsets) {
        if (low !== high) left.set(`${topic}/${partition}`, Number(high));
      }
    }
  } finally {
    await admin.disconnect();
  }
  if (left.size === 0) return [];

  const records: TopicRecord[] = [];
  const done = Promise.withResolvers<void>();
  const late = setTimeout(
    () =>
      done.reject(
        new BrokerError(
          `Cannot read ${[...left.keys()]}: nothing more for ${READ_MS} ms`,
        ),
      ),
    READ_MS,
  );
  const consumer = kafka.consumer({
    groupId: `test-${crypto.randomUUID()}`,
    maxWaitTimeInMs: MAX_WAIT_MS,
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        const { topic, partition } = batch;
        const name = `${topic}/${partition}`;
        const end = left.get(name);
        for (const { key, value, headers, offset } of batch.messages) {
          if (end === undefined || Number(offset) >= end) break;
          records.push({
            topic,
            partition,
            offset: Number(offset),
            key: String(key),
            value: String(value),
            headers: Object.fromEntries(
              Object.entries(headers ?? {})
                .map(([header, content]) => [header, String(content)]),
            ),
          });
        }
        if (end !== undefined && Number(batch.lastOffset()) >= end - 1) {
          left.delete(name);
        }
        if (left.size === 0) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
  } finally {
    clearTimeout(late);
    await consumer.disconnect();
  }
  return records.sort((a, b) =>
    a.topic < b.topic
      ? -1
      : a.topic > b.topic
      ? 1
      : a.partition - b.partition || a.offset - b.offset
  );
}

/**
 * The consumers' side when a broker holds it: everything that is on the topics,
 * by partition in the order of offsets.
 *
 * Not promised: that events arrive that are still on their way. Read when the
 * service has stopped and its outbox is empty.
 */
import type { Kafka } from "kafkajs";
import { readTopics } from "../kafka/records.ts";
import type { EventFact } from "./facts.ts";
import { eventOf, type TopicNames } from "./read_events.ts";

/**
 * Reads from the beginning to what is there at the call.
 *
 * @throws BrokerError when that takes too long; Error for a record that no
 * consumer could read
 */
export async function readTopicEvents(
  kafka: Kafka,
  topics: TopicNames,
): Promise<EventFact[]> {
  const records = await readTopics(kafka, [
    topics.order,
    topics.saga,
    topics.dlq,
  ]);
  return records.map((record) => ({
    ...eventOf(record, topics),
    partition: record.partition,
  }));
}

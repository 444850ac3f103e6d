/** A defect on purpose: a record that was acknowledged and that no consumer will get. */
import type { Kafka } from "kafkajs";
import { fromLeaders } from "./from_leaders.ts";

/**
 * Deletes the oldest record of one of the topic's partitions.
 *
 * @param random uniform in [0, 1): chooses the partition
 * @returns where it was, for people
 * @throws Error when the topic is empty
 */
export async function loseRecord(
  kafka: Kafka,
  topic: string,
  random: () => number,
): Promise<string> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const offsets = await fromLeaders(
      topic,
      () => admin.fetchTopicOffsets(topic),
    );
    const filled = offsets.filter(({ low, high }) => low !== high);
    const chosen = filled[Math.floor(random() * filled.length)];
    if (chosen === undefined) {
      throw new Error(`Cannot lose a record: ${topic} has none`);
    }
    const { partition, low } = chosen;
    const offset = String(Number(low) + 1);
    const partitions = [{ partition, offset }];
    await fromLeaders(
      topic,
      () => admin.deleteTopicRecords({ topic, partitions }),
    );
    return `${topic}, partition ${partition}, offset ${low}`;
  } finally {
    await admin.disconnect();
  }
}

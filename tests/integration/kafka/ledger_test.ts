/** The ledger's reading of real topics. */
import { assertEquals } from "@std/assert";
import { readTopicEvents } from "../../support/ledger/read_topics.ts";
import type { Broker } from "../../support/kafka/broker.ts";
import { loseRecord } from "../../support/kafka/lose_record.ts";
import { kafkaTest, newTopics } from "../../support/kafka/shared.ts";

Deno.test.sanitizer({ ops: true, resources: true });

function message(orderId: string, seq: number) {
  const id = `${orderId}:order:${seq}`;
  return {
    key: orderId,
    headers: { "event-id": id, "event-type": "order.created" },
    value: JSON.stringify({
      id,
      event_type: "order.created",
      seq,
      occurred_at: "2026-01-01T00:00:00Z",
      payload: { order_id: orderId },
    }),
  };
}

async function send(
  broker: Broker,
  topic: string,
  messages: ReturnType<typeof message>[],
): Promise<void> {
  const producer = broker.client().producer();
  await producer.connect();
  await producer.send({ topic, messages });
  await producer.disconnect();
}

Deno.test(kafkaTest(
  "events come with their partition, in its order, repetitions included",
  async (broker) => {
    const topics = newTopics("ledger");
    await broker.createTopics(Object.values(topics));
    const [first, second] = [message("ord_1", 1), message("ord_1", 2)];
    await send(broker, topics.order, [first, second, first]);
    const events = await readTopicEvents(broker.client(), topics);
    assertEquals(events.map(({ seq }) => seq), [1, 2, 1]);
    assertEquals(new Set(events.map(({ partition }) => partition)).size, 1);
    assertEquals(events[0]?.value, first.value);
  },
));

Deno.test(kafkaTest(
  "control: an event that its topic has lost is not there",
  async (broker) => {
    const topics = newTopics("ledger-lost");
    await broker.createTopics(Object.values(topics), { partitions: 1 });
    await send(broker, topics.order, [1, 2].map((seq) => message("o", seq)));
    await loseRecord(broker.client(), topics.order, Math.random);
    const events = await readTopicEvents(broker.client(), topics);
    assertEquals(events.map(({ seq }) => seq), [2]);
  },
));

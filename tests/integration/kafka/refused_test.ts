/** Records and topics that a broker does not take. */
import { assert, assertEquals } from "@std/assert";
import { newOrderId } from "../../../src/orders/ids.ts";
import { OutboxWorld } from "../../support/kafka/outbox_world.ts";
import { kafkaTest, newTopics } from "../../support/kafka/shared.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Between one small event (0.6 KiB) and a batch of them. */
const SMALL_BATCH_BYTES = 12_000;
const MEBIBYTE = 1024 * 1024;

Deno.test(kafkaTest(
  "F43 an event above the broker's limit is a dead letter, and holds up nobody",
  async (broker) => {
    const topics = newTopics("f43-large");
    await broker.createTopics(Object.values(topics));
    await using world = await OutboxWorld.open(broker, topics);
    const keys = Array.from({ length: 10 }, () => newOrderId());
    const [, , , unlucky = newOrderId()] = keys;
    for (const key of keys) await world.commit(key);
    const large = await world.commit(unlucky, "order", "ä".repeat(MEBIBYTE));
    for (const key of keys) await world.commit(key);
    const { deadLetters } = await world.assertDelivered();
    assertEquals(deadLetters, 1);

    const [letter] = await broker.consumeAll(topics.dlq);
    assertEquals(letter?.key, unlucky);
    assertEquals(letter?.headers["event-id"], large.eventId);
    assertEquals(letter?.headers["x-original-topic"], topics.order);
    assert((letter?.value ?? "").length > 0);
    assert(new TextEncoder().encode(letter?.value).length <= 1024);
    assertEquals(world.publisher.state, "up");
  },
));

Deno.test(kafkaTest(
  "F43 a batch above the topic's limit is halved until its good events fit, in order",
  async (broker) => {
    const topics = newTopics("f43-batch");
    await broker.createTopics([topics.order, topics.saga], {
      config: { "max.message.bytes": String(SMALL_BATCH_BYTES) },
    });
    await broker.createTopics([topics.dlq]);
    await using world = await OutboxWorld.open(broker, topics);
    const key = newOrderId();
    broker.pause();
    const writing = (async () => {
      await world.commitMany(8, 10);
      await world.commit(key, "order", "x".repeat(SMALL_BATCH_BYTES));
      await world.commit(key, "order");
    })();
    await writing;
    broker.resume();
    const { deadLetters } = await world.assertDelivered();
    assertEquals(deadLetters, 1);
  },
));

Deno.test(kafkaTest(
  "F43 a topic that is missing: retried without end, the other goes on, delivered once it is there",
  async (broker) => {
    const topics = newTopics("f43-missing");
    await broker.createTopics([topics.saga, topics.dlq]);
    await using world = await OutboxWorld.open(broker, topics);
    await world.commitMany(5, 4);
    await world.until(
      "failures of the order topic",
      () =>
        world.log.some(({ msg, fields }) =>
          /cannot publish/.test(msg) && fields.topic === topics.order
        ),
    );
    await world.until(
      "the saga topic's events",
      async () => await world.pending() === 20,
    );
    assertEquals(world.publisher.state, "down");
    await broker.createTopics([topics.order]);
    const { deadLetters } = await world.assertDelivered();
    assertEquals(deadLetters, 0);
  },
));

Deno.test(kafkaTest(
  "F43 the dead-letter topic is missing: the letter waits for it, nothing is lost",
  async (broker) => {
    const topics = newTopics("f43-no-dlq");
    await broker.createTopics([topics.order, topics.saga]);
    await using world = await OutboxWorld.open(broker, topics);
    const key = newOrderId();
    await world.commit(key);
    const { eventId } = await world.commit(
      key,
      "order",
      "x".repeat(2 * MEBIBYTE),
    );
    await world.commit(key);
    await world.commit(key, "saga");
    await world.until(
      "the letter's failure",
      () =>
        world.log.some(({ msg, fields }) =>
          /cannot publish/.test(msg) &&
          String(fields.error).includes(topics.dlq)
        ),
    );
    await world.until(
      "the saga topic's event",
      async () => await world.pending() <= 3,
    );
    await broker.createTopics([topics.dlq]);
    const { deadLetters } = await world.assertDelivered();
    assertEquals(deadLetters, 1);
    const [letter] = await broker.consumeAll(topics.dlq);
    assertEquals(letter?.headers["event-id"], eventId);
  },
));

Deno.test(kafkaTest(
  "F43 not authorised: retried without end, no dead letter, delivered once it is allowed",
  async (broker) => {
    const topics = newTopics("f43-acl");
    await broker.createTopics(Object.values(topics));
    await using world = await OutboxWorld.open(broker, topics);
    {
      await using _forbidden = await broker.forbidWrite(topics.order);
      await world.commitMany(5, 4);
      await world.until(
        "three failures",
        () =>
          world.log.some(({ msg, fields }) =>
            /cannot publish/.test(msg) && Number(fields.failures) >= 2
          ),
      );
      await world.until(
        "the saga topic's events",
        async () => await world.pending() === 20,
      );
      assert(
        /authori[sz]/i.test(world.publisher.lastError ?? ""),
        world.publisher.lastError ?? "",
      );
    }
    const { deadLetters } = await world.assertDelivered();
    assertEquals(deadLetters, 0);
  },
));

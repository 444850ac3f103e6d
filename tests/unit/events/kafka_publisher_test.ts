/** The Kafka publisher against a fake of the client library. */
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import {
  PublisherCloseError,
  PublishError,
  RecordRefusedError,
} from "../../../src/events/errors.ts";
import type {
  KafkaMessage,
  KafkaProducer,
} from "../../../src/events/kafka_producer.ts";
import { KafkaPublisher } from "../../../src/events/kafka_publisher.ts";
import type { EventRecord } from "../../../src/events/publisher.ts";

const signal = new AbortController().signal;
const OPTIONS = {
  connectTimeoutMs: 5_000,
  sendTimeoutMs: 10_000,
  closeTimeoutMs: 1_500,
};

type Reaction = "ok" | "hang" | Error;

/** All producers that were made, and how each call to them goes. */
class FakeKafka {
  readonly producers: FakeProducer[] = [];
  connect: Reaction = "ok";
  send: (producer: number) => Reaction = () => "ok";
  find: (topic: string) => Reaction = () => "ok";
  disconnect: Reaction = "ok";

  readonly create = (): KafkaProducer => {
    const producer = new FakeProducer(this, this.producers.length);
    this.producers.push(producer);
    return producer;
  };
}

class FakeProducer implements KafkaProducer {
  readonly batches: { topic: string; ids: string[] }[] = [];
  readonly found: string[] = [];
  destroyed = false;
  disconnected = false;
  #sending = false;
  readonly #stuck: (() => void)[] = [];

  constructor(readonly kafka: FakeKafka, readonly number: number) {}

  connect(): Promise<void> {
    return this.#react(this.kafka.connect);
  }

  find(topic: string): Promise<void> {
    assertEquals(this.destroyed, false, "nothing after a failure");
    this.found.push(topic);
    return this.#react(this.kafka.find(topic));
  }

  async send(topic: string, messages: readonly KafkaMessage[]): Promise<void> {
    assertEquals(this.#sending, false, "one send at a time");
    assertEquals(this.destroyed, false, "nothing after a failure");
    this.#sending = true;
    this.batches.push({
      topic,
      ids: messages.map(({ headers }) => headers["event-id"] ?? ""),
    });
    try {
      await this.#react(this.kafka.send(this.number));
    } finally {
      this.#sending = false;
    }
  }

  disconnect(): Promise<void> {
    this.disconnected = true;
    return this.destroyed
      ? Promise.resolve()
      : this.#react(this.kafka.disconnect);
  }

  destroy(): void {
    this.destroyed = true;
    for (const fail of this.#stuck) fail();
  }

  #react(reaction: Reaction): Promise<void> {
    if (reaction === "ok") return Promise.resolve();
    if (reaction === "hang") {
      return new Promise((_, reject) =>
        this.#stuck.push(() => reject(new Error("destroyed")))
      );
    }
    return Promise.reject(reaction);
  }
}

function protocolError(type: string): Error {
  return Object.assign(new Error(`the broker says ${type}`), { type });
}

function records(topic: string, ...ids: string[]): EventRecord[] {
  return ids.map((id) => ({
    topic,
    key: "ord_a",
    headers: { "event-id": id },
    value: "{}",
  }));
}

function fixture() {
  const kafka = new FakeKafka();
  const clock = new FakeClock();
  const publisher = new KafkaPublisher(kafka.create, clock, OPTIONS);
  return { kafka, clock, publisher };
}

Deno.test("nothing is connected before the first publish, and one producer serves a topic from then on", async () => {
  const { kafka, publisher } = fixture();
  assertEquals(kafka.producers.length, 0);
  assertEquals(publisher.state, "unknown");
  await publisher.publish(records("a", "1", "2"), signal);
  await publisher.publish(records("a", "3"), signal);
  assertEquals(kafka.producers.length, 1);
  assertEquals(kafka.producers[0]?.batches, [
    { topic: "a", ids: ["1", "2"] },
    { topic: "a", ids: ["3"] },
  ]);
  assertEquals(publisher.state, "up");
  await publisher.close();
  assertEquals(kafka.producers[0]?.disconnected, true);
});

Deno.test("each topic has its own producer, and concurrent publishes to one topic take turns", async () => {
  const { kafka, publisher } = fixture();
  await Promise.all([
    publisher.publish(records("a", "1"), signal),
    publisher.publish(records("b", "2"), signal),
    publisher.publish(records("a", "3"), signal),
  ]);
  assertEquals(kafka.producers.map(({ batches }) => batches.length), [2, 1]);
  await publisher.close();
});

Deno.test("a publish waits for the one before it on its topic, however long that takes", async () => {
  const { kafka, clock, publisher } = fixture();
  kafka.send = (producer) => producer === 0 ? "hang" : "ok";
  const first = publisher.publish(records("orders", "1"), signal);
  const second = publisher.publish(records("orders", "2"), signal);
  const refused = assertRejects(() => first, PublishError);
  await clock.advance(OPTIONS.sendTimeoutMs - 1);
  assertEquals(kafka.producers.map(({ batches }) => batches.length), [1]);
  await clock.advance(1);
  await refused;
  await second;
  assertEquals(kafka.producers.map(({ batches }) => batches.length), [1, 1]);
  await publisher.close();
});

for (
  const failure of [
    new Error("Closed connection"),
    protocolError("TOPIC_AUTHORIZATION_FAILED"),
    protocolError("UNKNOWN_TOPIC_OR_PARTITION"),
    protocolError("OUT_OF_ORDER_SEQUENCE_NUMBER"),
    protocolError("INVALID_TIMESTAMP"),
  ]
) {
  Deno.test(`F43 "${failure.message}" is to be retried, and the retry goes through a fresh producer`, async () => {
    const { kafka, publisher } = fixture();
    kafka.send = (producer) => producer === 0 ? failure : "ok";
    const error = await assertRejects(
      () => publisher.publish(records("a", "1", "2"), signal),
      PublishError,
      failure.message,
    );
    assertStrictEquals(error.cause, failure);
    assertEquals(publisher.state, "down");
    assertEquals(kafka.producers[0]?.destroyed, true);
    await publisher.publish(records("a", "1", "2"), signal);
    assertEquals(kafka.producers.length, 2);
    assertEquals(kafka.producers[1]?.batches, kafka.producers[0]?.batches);
    assertEquals(publisher.state, "up");
    await publisher.close();
  });
}

for (
  const type of ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"]
) {
  Deno.test(`F43 ${type} refuses a record; the broker counts as up, the producer is replaced`, async () => {
    const { kafka, publisher } = fixture();
    kafka.send = (producer) => producer === 0 ? protocolError(type) : "ok";
    await assertRejects(
      () => publisher.publish(records("a", "1", "2"), signal),
      RecordRefusedError,
    );
    assertEquals(publisher.state, "up");
    await publisher.publish(records("a", "1"), signal);
    assertEquals(kafka.producers.length, 2);
    await publisher.close();
  });
}

Deno.test("F41 a send without an answer ends at its limit, its producer is torn down", async () => {
  const { kafka, clock, publisher } = fixture();
  kafka.send = (producer) => producer === 0 ? "hang" : "ok";
  const started = clock.now();
  const sent = publisher.publish(records("a", "1"), signal);
  await assertRejects(
    () => clock.settle(sent),
    PublishError,
    "no answer within 10000 ms",
  );
  assertEquals(clock.now() - started, 10_000);
  assertEquals(kafka.producers[0]?.destroyed, true);
  await publisher.publish(records("a", "1"), signal);
  await publisher.close();
  assertEquals(clock.timerCount, 0);
});

Deno.test("F41 a connect without an answer ends at its limit", async () => {
  const { kafka, clock, publisher } = fixture();
  kafka.connect = "hang";
  const probed = publisher.warmUp("a", signal);
  await assertRejects(
    () => clock.settle(probed),
    PublishError,
    "no answer within 5000 ms",
  );
  assertEquals(publisher.state, "down");
  assertEquals(publisher.lastError !== null, true);
  kafka.connect = "ok";
  await publisher.warmUp("a", signal);
  assertEquals(publisher.state, "up");
  assertEquals(publisher.lastError, null);
  await publisher.close();
});

Deno.test("F82 a missing topic is known before the first event, and no more once it is there", async () => {
  const { kafka, publisher } = fixture();
  await publisher.warmUp("a", signal);
  assertEquals(publisher.state, "up");
  kafka.find = () => protocolError("UNKNOWN_TOPIC_OR_PARTITION");
  await assertRejects(
    () => publisher.warmUp("oms.dlq", signal),
    PublishError,
    "Cannot publish to oms.dlq: the broker says UNKNOWN_TOPIC_OR_PARTITION",
  );
  assertEquals(publisher.state, "down");
  assertEquals(publisher.lastError?.includes("oms.dlq"), true);
  kafka.find = () => "ok";
  await publisher.warmUp("oms.dlq", signal);
  assertEquals([publisher.state, publisher.lastError], ["up", null]);
  assertEquals(kafka.producers.map(({ found }) => found), [["a"], [
    "oms.dlq",
  ], ["oms.dlq"]]);
  await publisher.close();
});

Deno.test("an abort rejects with its reason at once and says nothing about the broker", async () => {
  const { kafka, clock, publisher } = fixture();
  kafka.send = () => "hang";
  const stop = new AbortController();
  const reason = new Error("stopping");
  const sent = publisher.publish(records("a", "1"), stop.signal);
  await clock.flush();
  stop.abort(reason);
  assertStrictEquals(await assertRejects(() => sent), reason);
  assertEquals(publisher.state, "unknown");
  assertEquals(kafka.producers[0]?.destroyed, true);
  await publisher.close();
  assertEquals(clock.timerCount, 0);
});

Deno.test("a topic in trouble leaves the others alone, and shows in the state", async () => {
  const { kafka, publisher } = fixture();
  await publisher.publish(records("a", "1"), signal);
  kafka.send = (producer) => producer === 1 ? new Error("no leader") : "ok";
  await assertRejects(() => publisher.publish(records("b", "2"), signal));
  await publisher.publish(records("a", "3"), signal);
  assertEquals(publisher.state, "down");
  await publisher.publish(records("b", "2"), signal);
  assertEquals(publisher.state, "up");
  await publisher.close();
});

Deno.test("F42 a disconnect that hangs is bounded, reported, and the connections are torn down", async () => {
  const { kafka, clock, publisher } = fixture();
  kafka.disconnect = "hang";
  await publisher.publish(records("a", "1"), signal);
  await publisher.publish(records("b", "2"), signal);
  const started = clock.now();
  const error = await assertRejects(() => clock.settle(publisher.close()));
  assertInstanceOf(error, PublisherCloseError);
  assertEquals(clock.now() - started, 1_500);
  for (const { destroyed } of kafka.producers) assertEquals(destroyed, true);
  assertEquals(clock.timerCount, 0);
});

Deno.test("F42 a disconnect that fails is reported, and the connections are torn down", async () => {
  const { kafka, publisher } = fixture();
  kafka.disconnect = new Error("socket hang up");
  await publisher.publish(records("a", "1"), signal);
  await assertRejects(
    () => publisher.close(),
    PublisherCloseError,
    "socket hang up",
  );
  assertEquals(kafka.producers[0]?.destroyed, true);
});

Deno.test("F42 close ends a send that is under way, and refuses later ones", async () => {
  const { kafka, clock, publisher } = fixture();
  kafka.send = () => "hang";
  const sent = publisher.publish(records("a", "1"), signal);
  await clock.flush();
  await Promise.all([
    publisher.close(),
    assertRejects(() => sent, PublishError, "closed"),
  ]);
  await assertRejects(
    () => publisher.publish(records("a", "1"), signal),
    PublishError,
    "closed",
  );
  await publisher.close();
  assertEquals(clock.timerCount, 0);
});

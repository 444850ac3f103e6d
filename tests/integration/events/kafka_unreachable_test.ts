/**
 * The real client library against brokers that are none: a closed port, and a listener that accepts and never
 * answers. Everything ends within its limits and nothing is left open (the sanitizers are on).
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "@oms/lifecycle";
import { PublishError } from "../../../src/events/errors.ts";
import { kafkaProducerFactory } from "../../../src/events/kafka_config.ts";
import { KafkaPublisher } from "../../../src/events/kafka_publisher.ts";
import { AwakeTime } from "../../support/awake_time.ts";
import { freePort } from "../../support/free_port.ts";
import { hungServer } from "../../support/hung_server.ts";
import { until } from "../../support/until.ts";

const RECORD = {
  topic: "oms.order.events",
  key: "ord_a",
  headers: { "event-id": "1" },
  value: "{}",
};
const LIMIT_MS = 600;

function publisherAt(address: string): KafkaPublisher {
  const create = kafkaProducerFactory({
    brokers: [address],
    clientId: "oms-test",
    tls: null,
    sasl: null,
    compression: "none",
  }, () => {});
  return new KafkaPublisher(create, systemClock, {
    connectTimeoutMs: LIMIT_MS,
    sendTimeoutMs: LIMIT_MS,
    closeTimeoutMs: 1_500,
  });
}

async function elapsed(fn: () => Promise<unknown>): Promise<number> {
  using time = new AwakeTime();
  await fn();
  return time.ms;
}

Deno.test("F40 nobody listens: a publish fails within its limit, close is quick, nothing is left", async () => {
  const publisher = publisherAt(`127.0.0.1:${freePort()}`);
  const signal = new AbortController().signal;
  const took = await elapsed(() =>
    assertRejects(() => publisher.publish([RECORD], signal), PublishError)
  );
  assert(took < LIMIT_MS + 500, `${took} ms`);
  assertEquals(publisher.state, "down");
  assert(await elapsed(() => publisher.close()) < 1_500);
});

Deno.test("F41 accepts and never answers: a publish fails at its limit, close is bounded, nothing is left", async () => {
  await using broker = hungServer();
  const publisher = publisherAt(broker.address);
  const signal = new AbortController().signal;
  const took = await elapsed(() =>
    assertRejects(
      () => publisher.publish([RECORD], signal),
      PublishError,
      "no answer within",
    )
  );
  assert(took < LIMIT_MS + 500, `${took} ms`);
  assert(broker.connections.length > 0);
  assert(await elapsed(() => publisher.close()) < 1_500);
});

Deno.test("F42 close in the middle of a connect that hangs is quick, nothing is left", async () => {
  await using broker = hungServer();
  const publisher = publisherAt(broker.address);
  const sent = publisher.publish([RECORD], new AbortController().signal);
  const rejected = assertRejects(() => sent, PublishError, "closed");
  await until("a connection", () => broker.connections.length > 0);
  assert(await elapsed(() => publisher.close()) < 1_500);
  await rejected;
});

Deno.test("an abort ends a publish to a silent broker at once", async () => {
  await using broker = hungServer();
  const publisher = publisherAt(broker.address);
  const stop = new AbortController();
  const sent = publisher.publish([RECORD], stop.signal);
  await until("a connection", () => broker.connections.length > 0);
  const took = await elapsed(async () => {
    stop.abort(new Error("stopping"));
    await assertRejects(() => sent, Error, "stopping");
  });
  assert(took < 100, `${took} ms`);
  assertEquals(publisher.state, "unknown");
  await publisher.close();
});

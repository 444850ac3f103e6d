/** Stops and kills while events go to a real broker: the ledger reads its topics. */
import { assert, assertEquals } from "@std/assert";
import type { Broker } from "../support/kafka/broker.ts";
import {
  kafkaTest,
  newTopics,
  type TestTopics,
} from "../support/kafka/shared.ts";
import { readTopicEvents } from "../support/ledger/read_topics.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CLIENTS = 8;
/** Acknowledged payments before the service is told to end. */
const ENOUGH = 40;

function environment(broker: Broker, topics: TestTopics) {
  return {
    KAFKA_BROKERS: broker.address,
    KAFKA_TOPIC_ORDER: topics.order,
    KAFKA_TOPIC_SAGA: topics.saga,
    KAFKA_TOPIC_DLQ: topics.dlq,
  };
}

/** Creates and pays with all clients until the service is gone. @param enough called once */
async function load(
  world: World,
  service: ServiceProcess,
  enough: () => void,
): Promise<void> {
  let paid = 0;
  const atWork = async () => {
    const client = world.client(service);
    for (;;) {
      const created = await world.create(client);
      if (!created.ok) return;
      const payment = await world.pay(client, created.orderId);
      if (!payment.ok) return;
      if (++paid === ENOUGH) enough();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, atWork));
}

Deno.test(kafkaTest(
  "SIGTERM, SIGKILL and SIGTERM under load with a real broker: each order's events are on one partition of each topic, in sequence",
  async (broker) => {
    const topics = newTopics("shutdown");
    await broker.createTopics(Object.values(topics));
    const env = environment(broker, topics);
    await using world = await World.create();
    for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
      const service = await world.start({ env });
      const enough = Promise.withResolvers<void>();
      const loaded = load(world, service, enough.resolve);
      await enough.promise;
      const { code } = await service.stop(signal);
      assertEquals(code, signal === "SIGTERM" ? 0 : 137);
      await loaded;
    }
    const last = await world.start({ env });
    await world.quiet(last);
    assertEquals((await last.stop()).code, 0);
    const events = await readTopicEvents(broker.client(), topics);
    // Five of each order that was paid and confirmed, and more.
    assert(events.length > 3 * ENOUGH * 5, `${events.length} events`);
    world.assertLedger(events);
  },
));

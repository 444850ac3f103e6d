/** The real service where topics are missing, and where one does not take what is sent to it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { readCommitted } from "../../support/kafka/committed.ts";
import type { KafkaSide } from "../../support/kafka/kafka_side.ts";
import { startBroker } from "../../support/kafka/prepare.ts";
import { metric, ServiceWorld } from "../../support/kafka/service_world.ts";
import { kafkaTest, realKafkaTest } from "../../support/kafka/shared.ts";
import type { ServiceProcess } from "../../support/service_process.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ATTEMPTS = "oms_outbox_publish_attempts_total";
/** Less than any event has. */
const NOTHING_FITS = { "max.message.bytes": "100" };

async function publisherSays(service: ServiceProcess, ...texts: string[]) {
  await until(`a health message with ${texts}`, async () => {
    const answer = await fetch(`http://${service.httpAddress}/healthz`);
    const { status, checks } = await answer.json();
    assertEquals(answer.status, 200);
    return status === "degraded" &&
      texts.every((text) => checks.publisher.message.includes(text));
  });
}

async function publisherIsUp(service: ServiceProcess): Promise<void> {
  await until("a publisher that is up", async () => {
    const answer = await fetch(`http://${service.httpAddress}/healthz`);
    return (await answer.json()).checks.publisher.message === "kafka is up";
  });
}

async function reaches(
  service: ServiceProcess,
  name: string,
  value: number,
): Promise<void> {
  await until(
    `${name} ${value}`,
    async () => await metric(service, name) === value,
  );
}

async function topicsOf(kafka: KafkaSide): Promise<string[]> {
  return await kafka.asAdmin((admin) => admin.listTopics());
}

Deno.test(realKafkaTest(
  "F82 a broker that makes topics by itself, none is there: the service makes none, names each with its variable, delivers once they are there",
  async () => {
    await using broker = await startBroker({
      properties: ["auto.create.topics.enable=true"],
    });
    await using world = await ServiceWorld.create(broker, "f82-none", {
      made: [],
    });
    const { topics } = world;
    const service = await world.start();
    // Before the first event.
    await service.waitForLog(({ msg, error }) =>
      msg === "publisher is not ready, trying again" &&
      String(error).includes(topics.order) &&
      String(error).includes("KAFKA_TOPIC_ORDER")
    );
    await publisherSays(service, "create the topic, or correct KAFKA_TOPIC_");
    const client = world.client(service);
    const order = await world.createOrder(client);
    assert(order !== null && await world.pay(client, order));
    await world.confirmed(client);
    await service.waitForLog(({ msg, error }) =>
      msg === "cannot publish events, the same batch follows" &&
      String(error).includes(topics.saga) &&
      String(error).includes("KAFKA_TOPIC_SAGA")
    );
    assertEquals(await topicsOf(broker), []);

    await broker.createTopics([topics.order, topics.saga]);
    await reaches(service, "oms_outbox_pending_records", 0);
    await publisherSays(service, topics.dlq, "KAFKA_TOPIC_DLQ");
    assertEquals(
      (await topicsOf(broker)).sort(),
      [topics.order, topics.saga].sort(),
    );
    await broker.createTopics([topics.dlq]);
    await publisherIsUp(service);
    assertEquals((await service.stop()).code, 0);
    const { deadLetters, events } = await world.assertDelivered();
    assertEquals(deadLetters, 0);
    assert(events >= 6, `${events} events`);
  },
));

/** The statements that the runbook gives: send again, dismiss. */
function statements(): string[] {
  const text = Deno.readTextFileSync(
    new URL("../../../docs/operations.md", import.meta.url),
  );
  return [...text.matchAll(/`(UPDATE outbox [^`]+)`/g)]
    .map(([, sql = ""]) => sql);
}

function runSql(dir: string, sql: string, ...ids: string[]): number {
  const db = new DatabaseSync(`${dir}/oms.db`);
  try {
    return Number(db.prepare(sql).run(...ids).changes);
  } finally {
    db.close();
  }
}

Deno.test(kafkaTest(
  "F82 dead letters: counted by themselves, kept whole over a restart, sent again or dismissed as the runbook says",
  async (broker) => {
    await using world = await ServiceWorld.create(broker, "f82-dead", {
      made: ["saga"],
    });
    const { topics } = world;
    await broker.createTopics([topics.order], { config: NOTHING_FITS });
    const first = await world.start();
    const client = world.client(first);
    const ids = [
      await world.createOrder(client),
      await world.createOrder(client),
    ].map((id) => `${id}:order:1`);
    // The dead-letter topic is missing: nothing is skipped.
    await until(
      "a dead letter that is not taken",
      async () => await metric(first, `${ATTEMPTS}{result="dlq_failed"}`) > 0,
    );
    assertEquals(await metric(first, "oms_outbox_pending_records"), 2);
    assertEquals(await metric(first, "oms_outbox_dead_letters"), 0);
    await publisherSays(first, topics.dlq, "KAFKA_TOPIC_DLQ");
    await broker.createTopics([topics.dlq]);
    await reaches(first, "oms_outbox_dead_letters", 2);
    await reaches(first, "oms_outbox_pending_records", 0);
    assertEquals(await metric(first, `${ATTEMPTS}{result="dlq"}`), 2);
    assertEquals(await metric(first, `${ATTEMPTS}{result="sent"}`), 0);
    assertEquals((await first.stop()).code, 0);
    const letters = await broker.consumeAll(topics.dlq);
    assertEquals(
      letters.map(({ headers }) => headers["event-id"]).sort(),
      ids.toSorted(),
    );

    const [again = "", dismiss = ""] = statements();
    assertStringIncludes(again, "NULL");
    const kept = readCommitted(world.dir);
    assertEquals(kept.map(({ eventId }) => eventId), ids);
    const one = " AND event_id = ?";
    assertEquals(runSql(world.dir, again + one, ids[0] ?? ""), 1);
    assertEquals(runSql(world.dir, dismiss + one, ids[1] ?? ""), 1);
    await broker.asAdmin((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{
          type: 2,
          name: topics.order,
          configEntries: [{ name: "max.message.bytes", value: "1048588" }],
        }],
      })
    );
    const second = await world.start();
    await reaches(second, "oms_outbox_pending_records", 0);
    await reaches(second, "oms_outbox_dead_letters", 0);
    assertEquals((await second.stop()).code, 0);
    const delivered = await broker.consumeAll(topics.order);
    assertEquals(
      delivered.map(({ headers, value }) => [headers["event-id"], value]),
      [[ids[0], kept[0]?.value]],
    );
  },
));

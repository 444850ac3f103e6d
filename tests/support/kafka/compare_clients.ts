/**
 * Figures for the choice of the client library (docs/decisions.md):
 *
 *     deno run -A --no-lock tests/support/kafka/compare_clients.ts
 *
 * Each client is behind our own channel's port, against one broker. Not a
 * test: figures depend on the machine; what has to hold is in
 * tests/integration/kafka.
 */
import { systemClock } from "@oms/lifecycle";
import type { KafkaProducer } from "../../../src/events/kafka_producer.ts";
import { routeRuntimeWarnings } from "../../../src/events/mod.ts";
import type { Broker } from "./broker.ts";
import { producersFor } from "./outbox_world.ts";
import { startBroker } from "./prepare.ts";
import { newTopics } from "./shared.ts";

const CLIENTS = ["kafkajs", "platformatic"];
const LONE_SENDS = 500;
const BATCHES = 100;
const BATCH_SIZE = 100;
const VALUE = "x".repeat(300);
const PAUSE_MS = 1_000;
/** How long a call is waited for. */
const PATIENCE_MS = 40_000;

type Figures = Record<string, string | number>;

function batch(size: number, name: string) {
  return Array.from({ length: size }, (_, index) => ({
    key: `ord_${index % 7}`,
    value: VALUE,
    headers: { "event-id": `${name}-${index}` },
  }));
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await Promise.race([
    call().catch(() => {}),
    systemClock.sleep(PATIENCE_MS),
  ]);
  return performance.now() - started;
}

async function measure(broker: Broker, client: string): Promise<Figures> {
  const { order: topic, saga: other } = newTopics(client);
  await broker.createTopics([topic, other]);
  const create = await producersFor(broker, client);
  const fresh = async (): Promise<KafkaProducer> => {
    const producer = create();
    await producer.connect();
    await producer.send(topic, batch(1, "first"));
    return producer;
  };
  const producer = await fresh();
  const lone: number[] = [];
  for (let count = 0; count < LONE_SENDS; count++) {
    lone.push(await timed(() => producer.send(topic, batch(1, "lone"))));
  }
  lone.sort((a, b) => a - b);
  const batches = await timed(async () => {
    for (let count = 0; count < BATCHES; count++) {
      await producer.send(topic, batch(BATCH_SIZE, "many"));
    }
  });
  const idle = await timed(() => producer.disconnect());
  return {
    client,
    "lone p50 ms": round(lone[LONE_SENDS / 2]),
    "lone p99 ms": round(lone[Math.floor(LONE_SENDS * 0.99)]),
    "100 x 100 ms": round(batches),
    "close idle ms": round(idle),
    ...await hung(broker, fresh, topic),
    ...await keptAfterFailure(broker, await fresh(), other),
  };
}

/** Disconnecting from a broker that does not answer, idle and with a send under way. */
async function hung(
  broker: Broker,
  fresh: () => Promise<KafkaProducer>,
  topic: string,
): Promise<Figures> {
  const [idle, busy] = [await fresh(), await fresh()];
  broker.pause();
  try {
    const sending = busy.send(topic, batch(1, "hung")).catch(() => {});
    await systemClock.sleep(100);
    const idleMs = await timed(() => idle.disconnect());
    const busyMs = await timed(() => busy.disconnect());
    const settledMs = await timed(() => sending);
    return {
      "hung: close idle ms": round(idleMs),
      "hung: close busy ms": round(busyMs),
      "hung: send settles after ms": round(settledMs),
    };
  } finally {
    idle.destroy();
    busy.destroy();
    broker.resume();
  }
}

/**
 * What our rule is there to prevent: one producer, kept over a send that failed
 * at a paused broker, then other batches of the same size. Acknowledged and
 * missing afterwards is lost.
 */
async function keptAfterFailure(
  broker: Broker,
  producer: KafkaProducer,
  topic: string,
): Promise<Figures> {
  await producer.send(topic, batch(5, "a"));
  broker.pause();
  const failed = producer.send(topic, batch(5, "b")).then(() => "ok")
    .catch(() => "failed");
  await systemClock.sleep(PAUSE_MS);
  const waitedMs = await timed(() => failed);
  broker.resume();
  const acknowledged = ["a"];
  if (await failed === "ok") acknowledged.push("b");
  for (const name of ["c", "d", "e"]) {
    const sent = producer.send(topic, batch(5, name));
    if (await sent.then(() => true, () => false)) acknowledged.push(name);
  }
  producer.destroy();
  const ids = (await broker.consumeAll(topic))
    .map(({ headers }) => headers["event-id"] ?? "");
  const lost = acknowledged.filter((name) =>
    !ids.some((id) => id.startsWith(name))
  );
  return {
    "paused: send fails after ms": round(PAUSE_MS + waitedMs),
    "kept producer: acknowledged": acknowledged.join(""),
    "kept producer: lost": lost.join("") || "none",
    "kept producer: records": ids.length,
  };
}

function round(ms = NaN): number {
  return Math.round(ms * 100) / 100;
}

if (import.meta.main) {
  routeRuntimeWarnings(() => {});
  await using broker = await startBroker();
  for (const client of CLIENTS) {
    console.table([await measure(broker, client)].map(Object.entries)[0]);
  }
}

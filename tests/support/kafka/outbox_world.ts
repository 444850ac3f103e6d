/**
 * The relay between the real store and a real broker, in this process, with a
 * writer that commits events of many orders.
 *
 * Invariant: `committed` is what the store has confirmed, in that order.
 * Disposing stops the relay, closes the publisher and the store, and removes
 * the directory.
 */
import { type LogLevel, systemClock } from "@oms/lifecycle";
import type { CreateKafkaProducer } from "../../../src/events/kafka_producer.ts";
import {
  type EventRecord,
  kafkaProducerFactory,
  KafkaPublisher,
  type KafkaPublisherOptions,
  kafkaPublisherOptions,
  OutboxRelay,
  type Publisher,
} from "../../../src/events/mod.ts";
import { draftEvent, type OutboxDraft } from "../../../src/orders/events.ts";
import { newOrderId, type OrderId } from "../../../src/orders/ids.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { makeChange, makeOrder } from "../fixtures.ts";
import { assertDelivered, type Delivery } from "./check.ts";
import type { KafkaSide } from "./kafka_side.ts";
import { platformaticProducers } from "./platformatic_producer.ts";
import type { TestTopics } from "./shared.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const LOOK_MS = 5;

export interface OutboxWorldOptions {
  readonly batchSize?: number;
  readonly maxRetryDelayMs?: number;
  /** Default: those of {@link producersFor}. */
  readonly producers?: CreateKafkaProducer;
  /** Default: the service's own, for a close budget of 2 s. */
  readonly limits?: Partial<KafkaPublisherOptions>;
  /** Called as each publish begins, before the publisher is. */
  readonly onPublish?: (records: readonly EventRecord[]) => void;
}

export interface LoggedLine {
  readonly level: LogLevel;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Of the service, or of the library that TEST_KAFKA_CLIENT names: kafkajs (default), platformatic. */
export async function producersFor(
  kafka: KafkaSide,
  client = Deno.env.get("TEST_KAFKA_CLIENT") || "kafkajs",
): Promise<CreateKafkaProducer> {
  if (client === "platformatic") return await platformaticProducers(kafka);
  if (client !== "kafkajs") {
    throw new Error(`Cannot test with this Kafka client (received ${client})`);
  }
  return kafkaProducerFactory({
    brokers: kafka.address.split(","),
    clientId: "oms",
    tls: null,
    sasl: null,
    compression: "none",
  }, () => {});
}

export class OutboxWorld implements AsyncDisposable {
  readonly committed: OutboxDraft[] = [];
  readonly log: LoggedLine[] = [];
  readonly publisher: KafkaPublisher;
  readonly relay: OutboxRelay;
  readonly #kafka: KafkaSide;
  readonly #topics: TestTopics;
  readonly #store: Store;
  readonly #dir: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Last seq per order and topic. */
  readonly #seqs = new Map<string, number>();
  /** Publishes acknowledged so far. */
  acknowledged = 0;

  private constructor(
    kafka: KafkaSide,
    topics: TestTopics,
    store: Store,
    dir: string,
    producers: CreateKafkaProducer,
    options: OutboxWorldOptions,
  ) {
    this.#kafka = kafka;
    this.#topics = topics;
    this.#store = store;
    this.#dir = dir;
    this.publisher = new KafkaPublisher(
      producers,
      systemClock,
      { ...kafkaPublisherOptions(2_000), ...options.limits },
    );
    this.relay = new OutboxRelay({
      store,
      publisher: this.#watched(options.onPublish ?? (() => {})),
      clock: systemClock,
      log: (level, msg, fields = {}) => this.log.push({ level, msg, fields }),
      observer: {
        enqueued: () => {},
        attempt: () => {},
        backlog: () => {},
      },
      random: Math.random,
      options: {
        batchSize: options.batchSize ?? 100,
        maxPending: 1_000_000,
        pollIntervalMs: 250,
        retryDelayMs: 20,
        maxRetryDelayMs: options.maxRetryDelayMs ?? 500,
        topics: { order: topics.order, saga: topics.saga },
        deadLetterTopic: topics.dlq,
      },
    });
    this.#running = this.relay.run(this.#stop.signal);
    // Seen when the world is disposed of.
    this.#running.catch(() => {});
  }

  static async open(
    kafka: KafkaSide,
    topics: TestTopics,
    options: OutboxWorldOptions = {},
  ): Promise<OutboxWorld> {
    const producers = options.producers ?? await producersFor(kafka);
    const dir = await Deno.makeTempDir({ prefix: "oms-test-" });
    const store = await openSqliteStore({
      dir,
      owner: "test",
      onFatal: (error) => {
        throw error;
      },
    });
    return new OutboxWorld(kafka, topics, store, dir, producers, options);
  }

  /** Commits the order's next event of the topic, `padding` characters longer than it has to be. */
  async commit(
    key: OrderId,
    topic: "order" | "saga" = "order",
    padding = "",
  ): Promise<OutboxDraft> {
    const lane = `${key}/${topic}`;
    const seq = (this.#seqs.get(lane) ?? 0) + 1;
    this.#seqs.set(lane, seq);
    const event = draftEvent({
      order: makeOrder({ id: key }),
      topic,
      seq,
      type: topic === "order" ? "order.created" : "step.paid",
      sagaId: null,
      metadata: padding === "" ? {} : { padding },
      traceparent: seq % 2 === 0 ? TRACEPARENT : null,
      now: systemClock.wallNow(),
    });
    await this.#store.commit(makeChange({ outbox: [event] }));
    this.committed.push(event);
    this.relay.notify();
    return event;
  }

  /** Commits `rounds` events of each of `orders` new orders on both topics, each order's one after the other. */
  async commitMany(orders: number, rounds: number): Promise<void> {
    await Promise.all(Array.from({ length: orders }, async () => {
      const key = newOrderId();
      for (let round = 0; round < rounds; round++) {
        await this.commit(key, "order");
        await this.commit(key, "saga");
      }
    }));
  }

  /** Waits until no event is pending in the store. @throws Error after `withinMs` */
  async drained(withinMs = 20_000): Promise<void> {
    await this.until(
      "an empty outbox",
      async () => (await this.#store.outboxStats()).pending === 0,
      withinMs,
    );
  }

  async pending(): Promise<number> {
    return (await this.#store.outboxStats()).pending;
  }

  /** Waits for a condition. @throws Error with the last log lines after `withinMs` */
  async until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    withinMs = 20_000,
  ): Promise<void> {
    const end = performance.now() + withinMs;
    while (!await condition()) {
      if (performance.now() > end) {
        const last = this.log.slice(-8).map((line) => JSON.stringify(line));
        throw new Error(
          `${withinMs} ms passed without ${what}; ${await this
            .pending()} events wait. Log:\n${last.join("\n")}`,
        );
      }
      await systemClock.sleep(LOOK_MS);
    }
  }

  /** Waits until all is sent, reads the topics and judges. @throws Error */
  async assertDelivered(): Promise<Delivery> {
    await this.drained();
    const { order, saga, dlq } = this.#topics;
    const consumed = await this.#kafka.consumeAll(order, saga, dlq);
    return assertDelivered(this.committed, consumed, this.#topics);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the test ends"));
    try {
      await this.#running;
    } finally {
      // What it could not close in time is closed all the same.
      await this.publisher.close().catch(() => {});
      await this.#store.close();
      await Deno.remove(this.#dir, { recursive: true });
    }
  }

  #watched(onPublish: (records: readonly EventRecord[]) => void): Publisher {
    const { publisher } = this;
    return {
      kind: publisher.kind,
      get state() {
        return publisher.state;
      },
      get lastError() {
        return publisher.lastError;
      },
      publish: async (records, signal) => {
        onPublish(records);
        await publisher.publish(records, signal);
        this.acknowledged += 1;
      },
      warmUp: (topic, signal) => publisher.warmUp(topic, signal),
      close: () => publisher.close(),
    };
  }
}

/** Which implementation stands behind each port, as the configuration says. */
import { type Clock, type LogFn } from "@oms/lifecycle";
import type { Config } from "../config.ts";
import {
  FilePublisher,
  kafkaProducerFactory,
  KafkaPublisher,
  kafkaPublisherOptions,
  type KafkaSettings,
  OutboxRelay,
  type Publisher,
  type RelayDeps,
} from "../events/mod.ts";
import {
  createProviders,
  type ProviderObserver,
  type Providers,
} from "../providers/mod.ts";
import { MemoryState, MemoryStore } from "../storage/memory.ts";
import { openSqliteStore } from "../storage/sqlite.ts";
import type { Store } from "../storage/store.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { accessOf } from "./provider_access.ts";

/** Longest pause between two tries at the publisher, in ms. */
const PUBLISH_RETRY_MAX_MS = 5_000;

/** @throws StoreOpenError, or the signal's reason when the start is given up */
export async function openStore(
  config: Config,
  owner: string,
  metrics: Metrics,
  onFatal: (error: Error) => void,
  signal: AbortSignal,
): Promise<Store> {
  if (config.storage.driver === "memory") {
    return new MemoryStore(new MemoryState(), owner);
  }
  return await openSqliteStore({
    dir: config.dataDir,
    owner,
    restored: config.storage.restored,
    onFatal,
    signal,
    observer: {
      commit: (seconds) => metrics.store.commitDuration.observe(seconds),
    },
  });
}

export function openPublisher(
  config: Config,
  clock: Clock,
  log: LogFn,
): Publisher {
  const { kafka, topics } = config.events;
  if (kafka === undefined) {
    // With another store than SQLite nobody has made it yet.
    Deno.mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    return new FilePublisher(`${config.dataDir}/events.ndjson`, {
      maxBytes: config.events.fileMaxBytes,
      wallNow: () => clock.wallNow(),
      log,
    });
  }
  const { tls, sasl } = kafka;
  const settings: KafkaSettings = {
    brokers: kafka.brokers,
    clientId: kafka.clientId,
    tls: tls === undefined
      ? null
      : { ca: tls.ca, cert: tls.cert, key: tls.key?.reveal() },
    sasl: sasl === undefined ? null : {
      mechanism: sasl.mechanism,
      username: sasl.username.reveal(),
      password: sasl.password.reveal(),
    },
    compression: kafka.compression,
    topics: new Map([
      [topics.order, "KAFKA_TOPIC_ORDER"],
      [topics.saga, "KAFKA_TOPIC_SAGA"],
      [topics.dlq, "KAFKA_TOPIC_DLQ"],
    ]),
  };
  return new KafkaPublisher(
    kafkaProducerFactory(settings, log),
    clock,
    kafkaPublisherOptions(config.shutdown.kafkaMs),
  );
}

export function openProviders(
  { providers }: Config,
  clock: Clock,
  observer: ProviderObserver,
): Providers {
  const { payment, inventory, simulation } = providers;
  return createProviders(
    {
      payment: accessOf(payment),
      inventory: accessOf(inventory),
      timeoutMs: providers.timeoutMs,
      concurrency: providers.concurrency,
      simulated: {
        latencyMs: simulation.latencyMs,
        declineRate: simulation.declineRate,
        unknownRate: simulation.unknownRate,
        // A fixed default: after a restart the same key has to get the same answer.
        seed: String(simulation.seed ?? ""),
      },
    },
    clock,
    observer,
  );
}

export function openRelay(
  { outbox, events }: Config,
  deps: Omit<RelayDeps, "options">,
): OutboxRelay {
  return new OutboxRelay({
    ...deps,
    options: {
      batchSize: outbox.batchSize,
      maxPending: outbox.maxPending,
      pollIntervalMs: outbox.pollIntervalMs,
      retryDelayMs: outbox.retryDelayMs,
      maxRetryDelayMs: PUBLISH_RETRY_MAX_MS,
      topics: { order: events.topics.order, saga: events.topics.saga },
      deadLetterTopic: events.topics.dlq,
    },
  });
}

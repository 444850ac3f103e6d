/** Checked values as the grouped configuration. Pure and total. */
import { Secret } from "./secret.ts";
import type {
  Config,
  KafkaConfig,
  LogConfig,
  ProviderTarget,
  ShutdownConfig,
} from "./types.ts";
import type { Values } from "./variables.ts";

/**
 * @param v values that passed all checks
 * @param stdoutIsTerminal decides format and colour of the log
 */
export function buildConfig(v: Values, stdoutIsTerminal: boolean): Config {
  return {
    grpc: { address: v.grpcAddr, reflection: v.grpcReflection },
    http: { address: v.metricsAddr },
    storage: { driver: v.storageDriver === "memory" ? "memory" : "sqlite" },
    dataDir: v.dataDir,
    providers: {
      payment: target(v.paymentUrl),
      inventory: target(v.inventoryUrl),
      timeoutMs: v.providerTimeout,
      concurrency: v.providerConcurrency,
      keyRetentionMs: v.providerKeyRetention,
      simulation: {
        latencyMs: v.simLatency,
        declineRate: v.simDeclineRate,
        unknownRate: v.simUnknownRate,
        seed: v.simSeed,
      },
    },
    sagas: {
      concurrency: v.sagaConcurrency,
      leaseMs: v.sagaLease,
      retryBaseMs: v.sagaRetryBase,
      retryMaxMs: v.sagaRetryMax,
      stuckAfterMs: v.sagaStuckAfter,
    },
    events: {
      topics: {
        order: v.kafkaTopicOrder,
        saga: v.kafkaTopicSaga,
        dlq: v.kafkaTopicDlq,
      },
      kafka: kafka(v),
    },
    outbox: {
      batchSize: v.outboxBatchSize,
      maxPending: v.outboxMaxPending,
      pollIntervalMs: v.outboxPollInterval,
      retryDelayMs: v.outboxRetryDelay,
      retentionMs: v.outboxRetention,
    },
    idempotency: {
      ttlMs: v.idempotencyTtl,
      cleanupIntervalMs: v.idempotencyCleanupInterval,
      cleanupBatchSize: v.idempotencyCleanupBatchSize,
    },
    shutdown: shutdown(v),
    log: { level: v.logLevel, ...logForm(v, stdoutIsTerminal) },
  };
}

/** How a line looks; what is not set follows the terminal. */
export function logForm(
  v: Pick<Partial<Values>, "logFormat" | "noColor">,
  stdoutIsTerminal: boolean,
): Pick<LogConfig, "format" | "color"> {
  return {
    format: v.logFormat ?? (stdoutIsTerminal ? "text" : "json"),
    color: stdoutIsTerminal && v.noColor !== true,
  };
}

function target(url: string | undefined): ProviderTarget {
  return url === undefined ? { kind: "simulated" } : { kind: "http", url };
}

function kafka(v: Values): KafkaConfig | undefined {
  if (v.kafkaBrokers === undefined) return undefined;
  return {
    brokers: v.kafkaBrokers,
    clientId: v.kafkaClientId,
    tls: v.kafkaTls
      ? {
        ca: v.kafkaTlsCa,
        cert: v.kafkaTlsCert,
        key: v.kafkaTlsKey === undefined
          ? undefined
          : new Secret(v.kafkaTlsKey),
      }
      : undefined,
    sasl: sasl(v),
    compression: v.kafkaCompression,
  };
}

function sasl(v: Values): KafkaConfig["sasl"] {
  const { kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword } = v;
  return kafkaSaslMechanism === undefined || kafkaSaslUsername === undefined ||
      kafkaSaslPassword === undefined
    ? undefined
    : {
      mechanism: kafkaSaslMechanism,
      username: new Secret(kafkaSaslUsername),
      password: new Secret(kafkaSaslPassword),
    };
}

function shutdown(v: Values): ShutdownConfig {
  return {
    lameDuckMs: v.lameDuck,
    grpcMs: v.grpcGracefulTimeout,
    sagasMs: v.sagaDrainTimeout,
    outboxMs: v.outboxFlushTimeout,
    httpMs: v.httpShutdownTimeout,
    kafkaMs: v.kafkaCloseTimeout,
    storeMs: v.storeCloseTimeout,
    terminationLog: v.terminationLog,
    watchdog: v.watchdog,
  };
}

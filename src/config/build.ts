/** Checked values as the grouped configuration. Pure and total. */
import type { HeaderField } from "./credentials.ts";
import { Secret } from "./secret.ts";
import type {
  Config,
  KafkaConfig,
  LogConfig,
  ProviderTarget,
  ShutdownConfig,
  TlsConfig,
} from "./types.ts";
import type { Values } from "./variables.ts";

/**
 * @param v values that passed all checks
 * @param stdoutIsTerminal decides format and colour of the log
 */
export function buildConfig(v: Values, stdoutIsTerminal: boolean): Config {
  return {
    grpc: {
      address: v.grpcAddr,
      reflection: v.grpcReflection,
      maxConnections: v.grpcMaxConnections,
      maxOpenCalls: v.grpcMaxOpenCalls,
    },
    http: { address: v.metricsAddr, maxConnections: v.httpMaxConnections },
    storage: {
      driver: v.storageDriver === "memory" ? "memory" : "sqlite",
      restored: v.storeRestored,
    },
    dataDir: v.dataDir,
    providers: {
      payment: target(
        v.paymentUrl,
        v.paymentToken,
        v.paymentHeaders,
        tls(v.paymentTlsCa, v.paymentTlsCert, v.paymentTlsKey),
      ),
      inventory: target(
        v.inventoryUrl,
        v.inventoryToken,
        v.inventoryHeaders,
        tls(v.inventoryTlsCa, v.inventoryTlsCert, v.inventoryTlsKey),
      ),
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
      fileMaxBytes: v.eventsFileMaxBytes,
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

function target(
  url: string | undefined,
  token: string | undefined,
  headers: readonly HeaderField[] = [],
  tls: TlsConfig,
): ProviderTarget {
  if (url === undefined) return { kind: "simulated" };
  const all = token === undefined
    ? headers
    : [...headers, { name: "authorization", value: `Bearer ${token}` }];
  return {
    kind: "http",
    url,
    headers: all.map(({ name, value }) => ({ name, value: new Secret(value) })),
    tls,
  };
}

function tls(
  ca: string | undefined,
  cert: string | undefined,
  key: string | undefined,
): TlsConfig {
  return { ca, cert, key: key === undefined ? undefined : new Secret(key) };
}

function kafka(v: Values): KafkaConfig | undefined {
  if (v.kafkaBrokers === undefined) return undefined;
  return {
    brokers: v.kafkaBrokers,
    clientId: v.kafkaClientId,
    tls: v.kafkaTls
      ? tls(v.kafkaTlsCa, v.kafkaTlsCert, v.kafkaTlsKey)
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

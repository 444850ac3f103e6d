import { assertArrayIncludes, assertEquals } from "@std/assert";
import { load, rows } from "./fixtures.ts";

/** The contract's names and defaults, and our own additions. */
const TABLE: Record<string, string | undefined> = {
  OMS_GRPC_ADDR: "127.0.0.1:50051",
  OMS_METRICS_ADDR: "127.0.0.1:9090",
  OMS_HTTP_MAX_CONNECTIONS: "256",
  OMS_GRPC_REFLECTION: "true",
  OMS_GRPC_MAX_CONNECTIONS: "2000",
  OMS_GRPC_MAX_OPEN_CALLS: "512",
  OMS_STORAGE_DRIVER: "sqlite",
  OMS_ALLOW_MEMORY_STORAGE: "false",
  OMS_DATA_DIR: "./data",
  OMS_STORE_RESTORED: "false",
  OMS_POSTGRES_DSN: undefined,
  OMS_POSTGRES_AUTO_MIGRATE: "true",
  OMS_ALLOW_MOCK_INTEGRATIONS: undefined,
  OMS_PAYMENT_URL: undefined,
  OMS_PAYMENT_TOKEN: undefined,
  OMS_PAYMENT_HEADERS: undefined,
  OMS_PAYMENT_TLS_CA: undefined,
  OMS_PAYMENT_TLS_CERT: undefined,
  OMS_PAYMENT_TLS_KEY: undefined,
  OMS_INVENTORY_URL: undefined,
  OMS_INVENTORY_TOKEN: undefined,
  OMS_INVENTORY_HEADERS: undefined,
  OMS_INVENTORY_TLS_CA: undefined,
  OMS_INVENTORY_TLS_CERT: undefined,
  OMS_INVENTORY_TLS_KEY: undefined,
  OMS_PROVIDER_TIMEOUT: "2s",
  OMS_PROVIDER_CONCURRENCY: "64",
  OMS_PROVIDER_KEY_RETENTION: "23h",
  OMS_SAGA_CONCURRENCY: "256",
  OMS_SAGA_LEASE: "10s",
  OMS_SAGA_RETRY_BASE: "50ms",
  OMS_SAGA_RETRY_MAX: "30s",
  OMS_SAGA_STUCK_AFTER: "5m",
  KAFKA_BROKERS: undefined,
  KAFKA_CLIENT_ID: "oms",
  KAFKA_TOPIC_ORDER: "oms.order.events",
  KAFKA_TOPIC_SAGA: "oms.saga.events",
  KAFKA_TOPIC_DLQ: "oms.dlq",
  KAFKA_TLS: "false",
  KAFKA_TLS_CA: undefined,
  KAFKA_TLS_CERT: undefined,
  KAFKA_TLS_KEY: undefined,
  KAFKA_SASL_MECHANISM: undefined,
  KAFKA_SASL_USERNAME: undefined,
  KAFKA_SASL_PASSWORD: undefined,
  KAFKA_COMPRESSION: "none",
  OMS_LAME_DUCK: "0s",
  OMS_GRPC_GRACEFUL_TIMEOUT: "5s",
  OMS_SAGA_DRAIN_TIMEOUT: "5s",
  OMS_OUTBOX_FLUSH_TIMEOUT: "3s",
  OMS_HTTP_SHUTDOWN_TIMEOUT: "2s",
  OMS_KAFKA_CLOSE_TIMEOUT: "2s",
  OMS_STORE_CLOSE_TIMEOUT: "1s",
  OMS_TERMINATION_GRACE: "30s",
  OMS_TERMINATION_LOG: undefined,
  OMS_WATCHDOG: "report",
  OMS_OUTBOX_BATCH_SIZE: "100",
  OMS_OUTBOX_MAX_PENDING: "10000",
  OMS_OUTBOX_POLL_INTERVAL: "1s",
  OMS_OUTBOX_RETRY_DELAY: "50ms",
  OMS_OUTBOX_RETENTION: "24h",
  OMS_EVENTS_FILE_MAX_BYTES: "0",
  OMS_IDEMPOTENCY_TTL: "24h",
  OMS_IDEMPOTENCY_CLEANUP_INTERVAL: "10m",
  OMS_IDEMPOTENCY_CLEANUP_BATCH_SIZE: "500",
  OMS_SIM_LATENCY: "20ms",
  OMS_SIM_DECLINE_RATE: "0",
  OMS_SIM_UNKNOWN_RATE: "0",
  OMS_SIM_SEED: undefined,
  LOG_LEVEL: "info",
  LOG_FORMAT: undefined,
  NO_COLOR: undefined,
  OMS_ALLOW_UNSUPPORTED_RUNTIME: "false",
};

Deno.test("the table has the contract's names and defaults", () => {
  assertEquals(
    Object.fromEntries(rows.map(({ name, fallback }) => [name, fallback])),
    TABLE,
  );
});

Deno.test("an empty environment gives the defaults", () => {
  const { config, warnings } = load({});
  assertEquals(warnings, []);
  assertEquals(config, {
    grpc: {
      address: { host: "127.0.0.1", port: 50051 },
      reflection: true,
      maxConnections: 2_000,
      maxOpenCalls: 512,
    },
    http: {
      address: { host: "127.0.0.1", port: 9090 },
      maxConnections: 256,
    },
    storage: { driver: "sqlite", restored: false },
    dataDir: "./data",
    providers: {
      payment: { kind: "simulated" },
      inventory: { kind: "simulated" },
      timeoutMs: 2_000,
      concurrency: 64,
      keyRetentionMs: 82_800_000,
      simulation: {
        latencyMs: 20,
        declineRate: 0,
        unknownRate: 0,
        seed: undefined,
      },
    },
    sagas: {
      concurrency: 256,
      leaseMs: 10_000,
      retryBaseMs: 50,
      retryMaxMs: 30_000,
      stuckAfterMs: 300_000,
    },
    events: {
      topics: {
        order: "oms.order.events",
        saga: "oms.saga.events",
        dlq: "oms.dlq",
      },
      kafka: undefined,
      fileMaxBytes: 0,
    },
    outbox: {
      batchSize: 100,
      maxPending: 10_000,
      pollIntervalMs: 1_000,
      retryDelayMs: 50,
      retentionMs: 86_400_000,
    },
    idempotency: {
      ttlMs: 86_400_000,
      cleanupIntervalMs: 600_000,
      cleanupBatchSize: 500,
    },
    shutdown: {
      lameDuckMs: 0,
      grpcMs: 5_000,
      sagasMs: 5_000,
      outboxMs: 3_000,
      httpMs: 2_000,
      kafkaMs: 2_000,
      storeMs: 1_000,
      terminationLog: undefined,
      watchdog: "report",
    },
    log: { level: "info", format: "json", color: false },
  });
});

Deno.test("every variable has an entry with its value and source", () => {
  const { entries } = load({
    OMS_GRPC_ADDR: "[::1]:1",
    OMS_SAGA_LEASE: "90s",
    OMS_OUTBOX_BATCH_SIZE: "7",
  });
  assertEquals(entries.length, rows.length);
  assertArrayIncludes(entries, [
    { name: "OMS_GRPC_ADDR", value: "[::1]:1", source: "env" },
    { name: "OMS_SAGA_LEASE", value: "1m30s", source: "env" },
    { name: "OMS_OUTBOX_BATCH_SIZE", value: "7", source: "env" },
    { name: "OMS_METRICS_ADDR", value: "127.0.0.1:9090", source: "default" },
    { name: "OMS_LAME_DUCK", value: "0s", source: "default" },
    { name: "LOG_FORMAT", value: "json", source: "default" },
    { name: "OMS_ALLOW_MOCK_INTEGRATIONS", value: "true", source: "default" },
    { name: "KAFKA_BROKERS", value: "", source: "unset" },
  ]);
});

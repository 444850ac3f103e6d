/** The configuration as the service's parts take it. All durations are ms. */
import type { Address } from "./parsers.ts";
import type { Secret } from "./secret.ts";

export type { Address };

/** Where a provider is: another process, or simulated in ours. */
export type ProviderTarget =
  | HttpTarget
  | { readonly kind: "simulated" };

/** A provider over HTTP, and who we are there. */
export interface HttpTarget {
  readonly kind: "http";
  readonly url: string;
  /** `authorization` included. */
  readonly headers: readonly {
    readonly name: string;
    readonly value: Secret;
  }[];
  readonly tls: TlsConfig;
}

/** PEM texts; what is undefined is the runtime's own, or not sent. */
export interface TlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: Secret | undefined;
}

/** How simulated providers behave; rates are 0 to 1. */
export interface SimulationConfig {
  readonly latencyMs: number;
  readonly declineRate: number;
  readonly unknownRate: number;
  /** Undefined: a fixed one, so that a restart gives the same answers. */
  readonly seed: number | undefined;
}

/** Payment and inventory. */
export interface ProvidersConfig {
  readonly payment: ProviderTarget;
  readonly inventory: ProviderTarget;
  /** Longest wait for one attempt. */
  readonly timeoutMs: number;
  /** Attempts under way at one provider. */
  readonly concurrency: number;
  readonly keyRetentionMs: number;
  readonly simulation: SimulationConfig;
}

/** Sagas. */
export interface SagasConfig {
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly stuckAfterMs: number;
}

/** SASL mechanisms that can be used. */
export type SaslMechanism = "plain" | "scram-sha-256" | "scram-sha-512";

/** How to reach Kafka. */
export interface KafkaConfig {
  /** At least one `host:port`. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no authentication. */
  readonly sasl: {
    readonly mechanism: SaslMechanism;
    readonly username: Secret;
    readonly password: Secret;
  } | undefined;
  readonly compression: "none" | "gzip";
}

/** Where events go. */
export interface EventsConfig {
  readonly topics: {
    readonly order: string;
    readonly saga: string;
    readonly dlq: string;
  };
  /** Undefined: events.ndjson in the data folder. */
  readonly kafka: KafkaConfig | undefined;
  /** Size beyond which events.ndjson is set aside; 0: never. */
  readonly fileMaxBytes: number;
}

/** The outbox. */
export interface OutboxConfig {
  readonly batchSize: number;
  readonly maxPending: number;
  readonly pollIntervalMs: number;
  readonly retryDelayMs: number;
  readonly retentionMs: number;
}

/** Stored answers. */
export interface IdempotencyConfig {
  readonly ttlMs: number;
  readonly cleanupIntervalMs: number;
  readonly cleanupBatchSize: number;
}

/** Budgets of the stop; their sum and 2 s fit into OMS_TERMINATION_GRACE. */
export interface ShutdownConfig {
  readonly lameDuckMs: number;
  readonly grpcMs: number;
  readonly sagasMs: number;
  readonly outboxMs: number;
  readonly httpMs: number;
  readonly kafkaMs: number;
  readonly storeMs: number;
  /** File for the report. */
  readonly terminationLog: string | undefined;
  readonly watchdog: "report" | "kill";
}

/** The log. */
export interface LogConfig {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
  readonly color: boolean;
}

/** What the service runs with. Variables that only decide whether it starts are not in it. */
export interface Config {
  readonly grpc: {
    readonly address: Address;
    readonly reflection: boolean;
    readonly maxConnections: number;
    readonly maxOpenCalls: number;
  };
  readonly http: {
    readonly address: Address;
    readonly maxConnections: number;
  };
  readonly storage: {
    readonly driver: "sqlite" | "memory";
    /** True: the data is a copy that begins another generation. */
    readonly restored: boolean;
  };
  /** Folder of oms.db, oms.lock and events.ndjson. */
  readonly dataDir: string;
  readonly providers: ProvidersConfig;
  readonly sagas: SagasConfig;
  readonly events: EventsConfig;
  readonly outbox: OutboxConfig;
  readonly idempotency: IdempotencyConfig;
  readonly shutdown: ShutdownConfig;
  readonly log: LogConfig;
}

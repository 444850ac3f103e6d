/** Variables of sagas, outbox, idempotency answers and the simulation. */
import { LARGEST_BATCH } from "../events/publisher.ts";
import * as p from "./parsers.ts";
import { optional, withDefault } from "./variable.ts";

const latency = p.duration();
const interval = p.duration(1);
const retention = p.duration(1_000, p.LONGEST_RETENTION_MS);

/** See variables.ts. */
export const WORK_VARIABLES = {
  sagaConcurrency: withDefault(
    "OMS_SAGA_CONCURRENCY",
    "256",
    p.integer(1, 100_000),
    "-1",
    "sagas that run at the same time",
  ),
  sagaLease: withDefault(
    "OMS_SAGA_LEASE",
    "10s",
    p.duration(1_000, 3_600_000),
    "10ms",
    "how long a process owns a saga without renewal; not used by sqlite, which one process locks",
  ),
  sagaRetryBase: withDefault(
    "OMS_SAGA_RETRY_BASE",
    "50ms",
    interval,
    "50",
    "first back-off of an attempt without a known answer",
  ),
  sagaRetryMax: withDefault(
    "OMS_SAGA_RETRY_MAX",
    "30s",
    interval,
    "30 s",
    "longest back-off; also the most that is added to a wait that a provider asks for",
  ),
  sagaStuckAfter: withDefault(
    "OMS_SAGA_STUCK_AFTER",
    "5m",
    interval,
    "5min",
    "age from which an unfinished saga counts as stuck",
  ),
  outboxBatchSize: withDefault(
    "OMS_OUTBOX_BATCH_SIZE",
    "100",
    p.integer(1, LARGEST_BATCH),
    "1.5",
    "events in one publish",
  ),
  outboxMaxPending: withDefault(
    "OMS_OUTBOX_MAX_PENDING",
    "10000",
    p.integer(1, 10_000_000),
    "1e4",
    "unsent events beyond which new work is refused",
  ),
  outboxPollInterval: withDefault(
    "OMS_OUTBOX_POLL_INTERVAL",
    "1s",
    interval,
    "0",
    "safety net: commits wake the outbox by themselves",
  ),
  outboxRetryDelay: withDefault(
    "OMS_OUTBOX_RETRY_DELAY",
    "50ms",
    interval,
    "0ms",
    "first back-off after a failed publish",
  ),
  outboxRetention: withDefault(
    "OMS_OUTBOX_RETENTION",
    "24h",
    retention,
    "1day",
    "how long sent events are kept",
  ),
  eventsFileMaxBytes: withDefault(
    "OMS_EVENTS_FILE_MAX_BYTES",
    "0",
    p.integer(0, Number.MAX_SAFE_INTEGER),
    "1GiB",
    "size beyond which events.ndjson is set aside and begun anew; 0: never",
  ),
  idempotencyTtl: withDefault(
    "OMS_IDEMPOTENCY_TTL",
    "24h",
    retention,
    "10000h",
    "how long an answer is kept for its key",
  ),
  idempotencyCleanupInterval: withDefault(
    "OMS_IDEMPOTENCY_CLEANUP_INTERVAL",
    "10m",
    interval,
    "25h",
    "time between two clean-ups",
  ),
  idempotencyCleanupBatchSize: withDefault(
    "OMS_IDEMPOTENCY_CLEANUP_BATCH_SIZE",
    "500",
    p.integer(1, 100_000),
    "many",
    "answers deleted in one transaction",
  ),
  simLatency: withDefault(
    "OMS_SIM_LATENCY",
    "20ms",
    latency,
    "20",
    "simulated providers: time to answer",
  ),
  simDeclineRate: withDefault(
    "OMS_SIM_DECLINE_RATE",
    "0",
    p.rate,
    "1.1",
    "simulated providers: share of declines, 0 to 1",
  ),
  simUnknownRate: withDefault(
    "OMS_SIM_UNKNOWN_RATE",
    "0",
    p.rate,
    "-0.1",
    "simulated providers: share of unknown outcomes, 0 to 1",
  ),
  simSeed: optional(
    "OMS_SIM_SEED",
    p.integer(0, 2 ** 32 - 1),
    "seed",
    "simulated providers: seed of their chance; the same key gets the same answer, also after a restart",
  ),
} as const;

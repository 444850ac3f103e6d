/** What the outbox relay needs from the rest, and what it tells. */
import type { Clock, LogFn } from "@oms/lifecycle";
import type { EventTopic } from "../orders/events.ts";
import type { Store } from "../storage/store.ts";
import type { BacklogSnapshot } from "./backlog.ts";
import type { Publisher } from "./publisher.ts";

/** The part of the store that the relay reads and writes. */
export type OutboxStore = Pick<Store, "outbox" | "markSent" | "outboxStats">;

/**
 * - `sent`: acknowledged
 * - `failed`: not acknowledged, the identical batch follows; or the broker refuses a record of it for itself
 * - `dlq`: a refused record was acknowledged by the dead-letter topic
 * - `dlq_failed`: it was not, the identical dead letter follows
 */
export type PublishResult = "sent" | "failed" | "dlq" | "dlq_failed";

/** Told of everything that a metric is made of. Must not throw. */
export interface RelayObserver {
  /** Commits put `count` events into the outbox. */
  enqueued(count: number): void;
  /** One call of the publisher ended. */
  attempt(result: PublishResult): void;
  backlog(backlog: BacklogSnapshot): void;
}

export interface RelayOptions {
  /** Records per publish (`OMS_OUTBOX_BATCH_SIZE`). */
  readonly batchSize: number;
  /** Unsent events beyond which `Backlog.isOverLimit` is true (`OMS_OUTBOX_MAX_PENDING`). */
  readonly maxPending: number;
  /** Safety net only, commits wake the relay; ms (`OMS_OUTBOX_POLL_INTERVAL`). */
  readonly pollIntervalMs: number;
  /** First back-off after a failure, doubled each time; ms (`OMS_OUTBOX_RETRY_DELAY`). */
  readonly retryDelayMs: number;
  /** Longest back-off; ms. */
  readonly maxRetryDelayMs: number;
  /** Where each topic goes (`KAFKA_TOPIC_ORDER`, `KAFKA_TOPIC_SAGA`). */
  readonly topics: Readonly<Record<EventTopic, string>>;
  /** `KAFKA_TOPIC_DLQ`. */
  readonly deadLetterTopic: string;
}

export interface RelayDeps {
  readonly store: OutboxStore;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly log: LogFn;
  readonly observer: RelayObserver;
  readonly options: RelayOptions;
  /** In [0, 1); spreads the retries of several processes. */
  readonly random: () => number;
}

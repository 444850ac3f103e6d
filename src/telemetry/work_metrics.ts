/**
 * Metrics of the work: sagas, outbox, idempotency answers, providers.
 *
 * Invariant: all label sets here are closed and exist at 0 from the start.
 */
import type {
  Counter,
  Gauge,
  Histogram,
  Instruments,
  LabeledCounter,
  LabeledGauge,
  LabeledHistogram,
} from "./instruments.ts";

/** Kinds of saga. */
export type SagaKind = "pay" | "cancel" | "refund";
/** Steps of sagas. */
export type SagaStep = "reserve" | "charge" | "confirm" | "refund" | "release";
/** External systems. */
export type ProviderName = "payment" | "inventory";
/** Calls to external systems. */
export type ProviderOperation = "charge" | "refund" | "reserve" | "release";
/** How a provider call ended; `aborted` is our own stop, no answer. */
export type ProviderOutcome =
  | "done"
  | "declined"
  | "unknown"
  | "misconfigured"
  | "aborted";
/** State of a circuit breaker. */
export type CircuitState = "closed" | "half_open" | "open";
/** How a batch handed to the publisher ended: `dlq` and `dlq_failed` are about a dead letter. */
export type PublishResult = "sent" | "failed" | "dlq" | "dlq_failed";
/** How a clean-up ended. */
export type CleanupResult = "ok" | "error";

/** oms_saga_*, oms_sagas_*, oms_active_sagas. */
export interface SagaMetrics {
  readonly started: Counter;
  readonly completed: Counter;
  readonly canceled: Counter;
  readonly refunded: Counter;
  readonly failed: Counter;
  /** From acceptance to its end. */
  readonly duration: Histogram;
  readonly stepDuration: LabeledHistogram<{ readonly step: SagaStep }>;
  readonly active: Gauge;
  readonly pending: LabeledGauge<{ readonly saga: SagaKind }>;
  readonly oldestUnfinishedAge: Gauge;
  readonly stuck: Gauge;
  readonly resumed: Counter;
  readonly held: Counter;
  readonly unknownVersion: Gauge;
}

/** oms_outbox_*. */
export interface OutboxMetrics {
  /** Rows written. */
  readonly events: Counter;
  readonly publishAttempts: LabeledCounter<{ readonly result: PublishResult }>;
  readonly pendingRecords: Gauge;
  readonly oldestPendingAge: Gauge;
  /** Refused events whose rows are kept. */
  readonly deadLetters: Gauge;
}

/** oms_idempotency_cleanup_*. */
export interface IdempotencyMetrics {
  readonly cleanupRuns: LabeledCounter<{ readonly result: CleanupResult }>;
  readonly cleanupDeleted: Counter;
  readonly cleanupLastDeleted: Gauge;
}

/** oms_provider_*. */
export interface ProviderMetrics {
  readonly requests: LabeledCounter<{
    readonly provider: ProviderName;
    readonly operation: ProviderOperation;
    readonly outcome: ProviderOutcome;
  }>;
  readonly requestDuration: LabeledHistogram<{
    readonly provider: ProviderName;
    readonly operation: ProviderOperation;
  }>;
  /** 1: no such system is asked. */
  readonly simulated: LabeledGauge<{ readonly provider: ProviderName }>;
  /** Shown as 0 closed, 1 half open, 2 open. */
  setCircuitState(provider: ProviderName, state: CircuitState): void;
}

/** Registers oms_saga_*, oms_sagas_* and oms_active_sagas. */
export function createSagaMetrics(make: Instruments): SagaMetrics {
  const stepDuration = make.labeledHistogram<{ readonly step: SagaStep }>(
    "oms_saga_step_duration_seconds",
    "Time of one attempt of a saga step.",
    ["step"],
  );
  const steps: SagaStep[] = [
    "reserve",
    "charge",
    "confirm",
    "refund",
    "release",
  ];
  for (const step of steps) stepDuration.zero({ step });
  const pending = make.labeledGauge<{ readonly saga: SagaKind }>(
    "oms_sagas_pending",
    "Sagas that are acknowledged and not settled.",
    ["saga"],
  );
  const kinds: SagaKind[] = ["pay", "cancel", "refund"];
  for (const saga of kinds) pending.set({ saga }, 0);
  const total = (what: string, help: string) =>
    make.counter(`oms_saga_${what}_total`, help);
  return {
    started: total("started", "Sagas accepted."),
    completed: total("completed", "Pay sagas that confirmed their order."),
    canceled: total("canceled", "Sagas that ended with a canceled order."),
    refunded: total("refunded", "Refund sagas that ended refunded."),
    failed: total("failed", "Sagas that ended failed."),
    duration: make.histogram(
      "oms_saga_duration_seconds",
      "Time from a saga's acceptance to its end.",
    ),
    stepDuration,
    active: make.gauge(
      "oms_active_sagas",
      "Sagas that this process is running now.",
    ),
    pending,
    oldestUnfinishedAge: make.gauge(
      "oms_saga_oldest_unfinished_age_seconds",
      "Age of the oldest saga that is acknowledged and not settled.",
    ),
    stuck: make.gauge(
      "oms_sagas_stuck",
      "Sagas that wait for an operator or have tried for too long.",
    ),
    resumed: make.counter(
      "oms_sagas_resumed_total",
      "Sagas taken over from an earlier or another process.",
    ),
    unknownVersion: make.gauge(
      "oms_sagas_unknown_version",
      "Open sagas of a definition version that this release does not know.",
    ),
    held: make.counter(
      "oms_saga_steps_held_total",
      "Times that a step was not sent because the clock does not tell its age.",
    ),
  };
}

/** Registers oms_outbox_*. */
export function createOutboxMetrics(make: Instruments): OutboxMetrics {
  return {
    events: make.counter("oms_outbox_events_total", "Outbox rows written."),
    publishAttempts: byResult<PublishResult>(
      make,
      "oms_outbox_publish_attempts_total",
      "Batches handed to the publisher, dead letters apart.",
      ["sent", "failed", "dlq", "dlq_failed"],
    ),
    pendingRecords: make.gauge(
      "oms_outbox_pending_records",
      "Events committed and not yet acknowledged by the publisher.",
    ),
    oldestPendingAge: make.gauge(
      "oms_outbox_oldest_pending_age_seconds",
      "Age of the oldest event not yet acknowledged.",
    ),
    deadLetters: make.gauge(
      "oms_outbox_dead_letters",
      "Events that the broker refuses for themselves, kept in the store.",
    ),
  };
}

/** Registers oms_idempotency_cleanup_*. */
export function createIdempotencyMetrics(
  make: Instruments,
): IdempotencyMetrics {
  return {
    cleanupRuns: byResult<CleanupResult>(
      make,
      "oms_idempotency_cleanup_runs_total",
      "Runs of the clean-up of expired answers.",
      ["ok", "error"],
    ),
    cleanupDeleted: make.counter(
      "oms_idempotency_cleanup_deleted_total",
      "Expired answers deleted.",
    ),
    cleanupLastDeleted: make.gauge(
      "oms_idempotency_cleanup_last_deleted",
      "Expired answers deleted by the last run.",
    ),
  };
}

function byResult<Result extends string>(
  make: Instruments,
  name: string,
  help: string,
  results: readonly Result[],
): LabeledCounter<{ readonly result: Result }> {
  const counter = make.labeledCounter<{ readonly result: Result }>(
    name,
    help,
    ["result"],
  );
  for (const result of results) counter.inc({ result }, 0);
  return counter;
}

const PROVIDER_OPERATIONS: readonly [ProviderName, ProviderOperation][] = [
  ["payment", "charge"],
  ["payment", "refund"],
  ["inventory", "reserve"],
  ["inventory", "release"],
];

const OUTCOMES: readonly ProviderOutcome[] = [
  "done",
  "declined",
  "unknown",
  "misconfigured",
  "aborted",
];

const CIRCUIT_VALUES: Record<CircuitState, number> = {
  closed: 0,
  half_open: 1,
  open: 2,
};

/** Registers oms_provider_*. */
export function createProviderMetrics(make: Instruments): ProviderMetrics {
  const requests: ProviderMetrics["requests"] = make.labeledCounter(
    "oms_provider_requests_total",
    "Attempts at external systems, by outcome.",
    ["provider", "operation", "outcome"],
  );
  const requestDuration: ProviderMetrics["requestDuration"] = make
    .labeledHistogram(
      "oms_provider_request_duration_seconds",
      "Time of one attempt at an external system.",
      ["provider", "operation"],
    );
  const circuit = make.labeledGauge<{ readonly provider: ProviderName }>(
    "oms_provider_circuit_state",
    "Circuit breaker: 0 closed, 1 half open, 2 open.",
    ["provider"],
  );
  const simulated: ProviderMetrics["simulated"] = make.labeledGauge(
    "oms_provider_simulated",
    "1 while the provider is simulated: nothing happens outside.",
    ["provider"],
  );
  for (const [provider, operation] of PROVIDER_OPERATIONS) {
    for (const outcome of OUTCOMES) {
      requests.inc({ provider, operation, outcome }, 0);
    }
    requestDuration.zero({ provider, operation });
    circuit.set({ provider }, CIRCUIT_VALUES.closed);
    simulated.set({ provider }, 0);
  }
  return {
    requests,
    requestDuration,
    simulated,
    setCircuitState: (provider, state) =>
      circuit.set({ provider }, CIRCUIT_VALUES[state]),
  };
}

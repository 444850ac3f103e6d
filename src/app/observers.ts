/** From what the parts tell to metrics. The only place that knows both sides. */
import type { LogFn } from "@oms/lifecycle";
import type { OrderChange } from "../orders/edit.ts";
import type { Saga } from "../orders/saga.ts";
import type { RelayObserver } from "../events/mod.ts";
import type { GrpcObserver } from "../grpc/observer.ts";
import type { ConnectionObserver } from "../http/listener.ts";
import type { ProviderObserver } from "../providers/mod.ts";
import type { SagaObserver } from "../sagas/observer.ts";
import { grpcCodeName, type Metrics } from "../telemetry/metrics.ts";

/** @param log where each call is told of; null: nowhere, which costs nothing */
export function grpcObserver(
  { grpc, edge }: Metrics,
  log: LogFn | null,
): GrpcObserver {
  return {
    started: ({ path }) => grpc.started.inc(grpc.labelsOf(path)),
    msgReceived: ({ path }) => grpc.msgReceived.inc(grpc.labelsOf(path)),
    msgSent: ({ path }) => grpc.msgSent.inc(grpc.labelsOf(path)),
    handled: ({ path }, code, seconds, correlationId) => {
      log?.("debug", "call ended", {
        method: path.slice(1),
        code: grpcCodeName(code),
        duration_ms: Math.round(seconds * 1_000),
        correlation_id: correlationId,
      });
      const labels = grpc.labelsOf(path);
      grpc.handled.inc({ ...labels, grpc_code: grpcCodeName(code) });
      grpc.handling.observe(labels, seconds);
    },
    refused: (cause) => edge.refusedCalls.inc({ cause }),
  };
}

export function httpObserver({ http }: Metrics): ConnectionObserver {
  return {
    opened: () => http.open.inc(),
    closed: (cause) => {
      http.open.dec();
      if (cause !== null) http.closed.inc({ cause });
    },
  };
}

export function providerObserver({ provider }: Metrics): ProviderObserver {
  return {
    request: (name, operation, outcome, seconds) => {
      provider.requests.inc({ provider: name, operation, outcome });
      provider.requestDuration.observe({ provider: name, operation }, seconds);
    },
    circuit: (name, state) => provider.setCircuitState(name, state),
  };
}

export function relayObserver({ outbox }: Metrics): RelayObserver {
  return {
    enqueued: (count) => outbox.events.inc(count),
    attempt: (result) => outbox.publishAttempts.inc({ result }),
    backlog: ({ pending, oldestAgeMs, deadLetters }) => {
      outbox.pendingRecords.set(pending);
      outbox.oldestPendingAge.set(oldestAgeMs / 1_000);
      outbox.deadLetters.set(deadLetters);
    },
  };
}

/** This process, as its sagas know it. */
export interface ThisProcess {
  /** As in `Saga.owner`. */
  readonly owner: string;
  /** Epoch ms. */
  readonly startedAt: number;
}

/** @param committed told of each change that a saga or a command has committed */
export function sagaObserver(
  metrics: Metrics,
  { owner, startedAt }: ThisProcess,
  committed: (change: OrderChange) => void,
): SagaObserver {
  const { saga } = metrics;
  return {
    claimed: (before) => {
      // A saga that this process has put off itself has no owner either; it is no older than the process.
      const heldElsewhere = before.owner !== null && before.owner !== owner;
      if (heldElsewhere || before.updatedAt < startedAt) saga.resumed.inc();
    },
    step: (step, durationMs) =>
      saga.stepDuration.observe({ step }, durationMs / 1_000),
    unknownVersions: (count) => saga.unknownVersion.set(count),
    held: () => saga.held.inc(),
    changed: (change) => {
      if (change !== null) committed(change);
    },
    ended: (ended, now) => {
      countEnd(metrics, ended);
      saga.duration.observe(Math.max(0, now - ended.createdAt) / 1_000);
    },
    active: (running) => saga.active.set(running),
  };
}

function countEnd({ saga }: Metrics, { kind, state }: Saga): void {
  if (state === "failed" || state === "parked") saga.failed.inc();
  else if (state === "superseded" || kind === "cancel") saga.canceled.inc();
  else if (kind === "refund") saga.refunded.inc();
  else saga.completed.inc();
}

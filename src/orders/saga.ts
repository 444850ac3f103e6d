/**
 * The durable record of a saga: one accepted pay, cancel or refund.
 *
 * Invariants: sagas of one order are numbered from 1 without gaps; a saga runs only when every
 * lower-numbered one of its order has ended; `attempt` is set before the provider hears of the step and
 * cleared only together with the recorded result; `fence` grows with every write but the renewal of a lease.
 */
import type { OrderId, SagaId } from "./ids.ts";

export type SagaKind = "pay" | "cancel" | "refund";

/** Names of the steps, fixed in provider keys, metrics and reports. */
export type SagaStep = "reserve" | "charge" | "confirm" | "refund" | "release";
/** Steps that call a provider. `confirm` is a local commit. */
export type ExternalStep = Exclude<SagaStep, "confirm">;

/**
 * - `open`: accepted, not settled
 * - `completed`, `failed`, `superseded`: settled
 * - `parked`: needs an operator; never re-sent by itself, and holds back the later sagas of its order
 */
export type SagaState =
  | "open"
  | "completed"
  | "failed"
  | "superseded"
  | "parked";

/** A provider call that may have happened. It is resolved with the same key and bytes, never guessed. */
export interface StepAttempt {
  readonly step: ExternalStep;
  /** The exact JSON body. */
  readonly request: string;
  /** `${sagaId}:${step}`, sent as Idempotency-Key. */
  readonly key: string;
  /** Epoch ms of the first send; the provider keeps keys for a limited time from here on. */
  readonly firstAttemptAt: number;
  /** How often the call ended without a known result. */
  readonly unknowns: number;
}

export interface Saga {
  readonly id: SagaId;
  readonly orderId: OrderId;
  readonly number: number;
  readonly kind: SagaKind;
  readonly definitionVersion: number;
  readonly state: SagaState;
  /** Refunds only: the exact amount in minor units, resolved at acceptance. */
  readonly amountMinor: bigint | null;
  /** The caller's reason; empty when none was given. */
  readonly reason: string;
  readonly completedSteps: readonly SagaStep[];
  /** Why the saga turned back (declined charge, out of stock); null while it goes forward. */
  readonly failure: string | null;
  readonly attempt: StepAttempt | null;
  /** Epoch ms before which nobody takes the saga up. */
  readonly nextAttemptAt: number;
  /** Why an operator should look at it; an open saga with a reason is still retried. */
  readonly stuckReason: string | null;
  /** Incarnation that holds the saga; null when free. */
  readonly owner: string | null;
  /** Epoch ms; meaningful only for stores that several processes share. */
  readonly leaseUntil: number | null;
  readonly fence: number;
  readonly correlationId: string;
  readonly traceparent: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly finishedAt: number | null;
}

/** True while later sagas of the order have to wait for this one. */
export function isUnfinished(saga: Saga): boolean {
  return saga.state === "open" || saga.state === "parked";
}

/** The key that makes a step's effect happen once. */
export function stepKey(sagaId: SagaId, step: ExternalStep): string {
  return `${sagaId}:${step}`;
}

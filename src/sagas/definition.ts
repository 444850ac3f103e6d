/**
 * A saga as data: pure functions from the order and the saga to what comes next.
 *
 * The engine owns durability, retries and ownership; a definition owns meaning. `decide` is asked only when
 * no attempt is open, and must be a function of its arguments: after any death it is asked again and has to
 * come to the same next step.
 */
import type { OrderEdit } from "../orders/edit.ts";
import type { Order } from "../orders/order.ts";
import type { ExternalStep, Saga, SagaKind } from "../orders/saga.ts";
import type {
  ChargeBody,
  RefundBody,
  ReleaseBody,
  ReserveBody,
} from "../providers/provider.ts";

export type StepCall =
  | { readonly step: "charge"; readonly body: ChargeBody }
  | { readonly step: "refund"; readonly body: RefundBody }
  | { readonly step: "reserve"; readonly body: ReserveBody }
  | { readonly step: "release"; readonly body: ReleaseBody };

export type Decision =
  /** Call a provider; the attempt is made durable first. */
  | { readonly kind: "call"; readonly call: StepCall }
  /** A commit of its own that calls nobody. */
  | { readonly kind: "confirm" }
  | {
    readonly kind: "settle";
    readonly state: "completed" | "failed" | "superseded";
  };

/** A provider's final word on a step. */
export type StepOutcome =
  | { readonly kind: "done"; readonly id: string }
  | {
    readonly kind: "declined";
    readonly reason: string;
    /** An earlier call of this attempt may have taken effect: nobody knows its answer. */
    readonly sentBefore: boolean;
  };

/** What a step's outcome changes in the saga; the engine adds the step to `completedSteps` when it is done. */
export interface SagaPatch {
  readonly failure?: string;
  readonly parkReason?: string;
}

export interface SagaDefinition {
  readonly kind: SagaKind;
  readonly version: number;
  decide(order: Order, saga: Saga): Decision;
  /** Records a step's outcome on the order. */
  apply(
    edit: OrderEdit,
    saga: Saga,
    step: ExternalStep,
    outcome: StepOutcome,
  ): SagaPatch;
  /** The local `confirm` step; only definitions that decide on it have one. */
  confirm?(edit: OrderEdit, saga: Saga): void;
  /** The saga's last words on the order. */
  settle(
    edit: OrderEdit,
    saga: Saga,
    state: "completed" | "failed" | "superseded",
  ): void;
  /** What is already true, and has to be told, when the saga is parked. */
  parked?(edit: OrderEdit, saga: Saga): void;
}

/**
 * A fact that acceptance and the earlier steps guarantee.
 * @throws Error when it is missing: a defect, never a provider's answer
 */
export function recorded(
  fact: string | null,
  what: string,
  id: string,
): string {
  if (fact === null) {
    throw new Error(`Cannot go on with ${id}: its ${what} is not on record`);
  }
  return fact;
}

export function releaseCall(order: Order): StepCall {
  return {
    step: "release",
    body: {
      order_id: order.id,
      reservation_id: recorded(
        order.reservationId,
        "reservation id",
        order.id,
      ),
    },
  };
}

export function refundCall(order: Order, amountMinor: bigint): StepCall {
  return {
    step: "refund",
    body: {
      order_id: order.id,
      charge_id: recorded(order.chargeId, "charge id", order.id),
      amount_minor: amountMinor.toString(),
      currency: order.currency,
    },
  };
}

/** An undo that the provider declines is nothing a program can decide: an operator has to. */
export function applyRelease(edit: OrderEdit, outcome: StepOutcome): SagaPatch {
  if (outcome.kind === "declined") {
    return { parkReason: `release declined: ${outcome.reason}` };
  }
  edit.facts({ reservationId: null });
  return {};
}

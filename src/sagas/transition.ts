/**
 * The saga state machine, pure: from a saga at rest, or from a step's outcome, to the next durable state.
 *
 * A transition is one transaction. It records a result and, where the next step calls a provider, also marks
 * that step as attempting: the mark is durable before the provider hears of it, and costs no commit of its own.
 * `confirm` always gets a commit of its own, conditional on the version it was decided against, so that no
 * cancel slips between the check and CONFIRMED.
 */
import { type OrderChange, OrderEdit } from "../orders/edit.ts";
import type { Order } from "../orders/order.ts";
import { type Saga, stepKey } from "../orders/saga.ts";
import type { SagaDefinition, StepOutcome } from "./definition.ts";

export interface Transition {
  readonly saga: Saga;
  /** Null when the order stays as it is. */
  readonly change: OrderChange | null;
  /**
   * - `call`: the saga has an attempt to resolve
   * - `advance`: ask again, in a further transaction
   * - `end`: settled or parked
   */
  readonly next: "call" | "advance" | "end";
}

/** From rest: what the definition decides on. */
export function advance(
  definition: SagaDefinition,
  order: Order,
  saga: Saga,
  now: number,
): Transition {
  const edit = editOf(order, saga, now);
  return decide(definition, edit, saga, now, true);
}

/** With the final outcome of the open attempt. */
export function resolve(
  definition: SagaDefinition,
  order: Order,
  saga: Saga,
  outcome: StepOutcome,
  now: number,
): Transition {
  const attempt = saga.attempt;
  if (attempt === null) {
    throw new Error(`Cannot resolve a step of ${saga.id}: it has no attempt`);
  }
  const edit = editOf(order, saga, now);
  const patch = definition.apply(edit, saga, attempt.step, outcome);
  const resolved: Saga = {
    ...saga,
    attempt: null,
    stuckReason: null,
    failure: patch.failure ?? saga.failure,
    completedSteps: outcome.kind === "done"
      ? [...saga.completedSteps, attempt.step]
      : saga.completedSteps,
    updatedAt: now,
  };
  if (patch.parkReason !== undefined) {
    return parkWith(definition, edit, resolved, patch.parkReason, now);
  }
  return decide(definition, edit, resolved, now, false);
}

/** Needs an operator: never re-sent. The open attempt is kept as evidence. */
export function park(
  definition: SagaDefinition,
  order: Order,
  saga: Saga,
  reason: string,
  now: number,
): Transition {
  return parkWith(definition, editOf(order, saga, now), saga, reason, now);
}

/** The claimed form of `next`: an owner, unless the same commit ends the saga, and one fence more. */
export function claimBy(next: Saga, before: Saga, owner: string): Saga {
  const over = next.fence !== before.fence;
  return {
    ...next,
    owner: over ? null : owner,
    fence: next.fence + 1,
  };
}

/**
 * One fence more than `before`, whatever else is written. A saga whose lease has run out may be read by another
 * owner and moved on by its holder; the claim that follows must not write what was read over what has happened.
 */
export function moved(next: Saga, before: Saga): Saga {
  return next.fence > before.fence
    ? next
    : { ...next, fence: before.fence + 1 };
}

/** Free for whoever comes next, at once; the open attempt stays as it is. */
export function handBack(saga: Saga, now: number): Saga {
  return {
    ...saga,
    owner: null,
    leaseUntil: null,
    fence: saga.fence + 1,
    updatedAt: now,
  };
}

/** After an unknown result: free again, but not before `nextAttemptAt` (epoch ms). */
export function postpone(
  saga: Saga,
  nextAttemptAt: number,
  stuckReason: string | null,
  now: number,
): Saga {
  const { attempt } = saga;
  return {
    ...putAside(saga, nextAttemptAt, stuckReason, now),
    attempt: attempt === null
      ? null
      : { ...attempt, unknowns: attempt.unknowns + 1 },
  };
}

/** Free again as it stands, but not before `nextAttemptAt` (epoch ms): its open attempt was not sent. */
export function putAside(
  saga: Saga,
  nextAttemptAt: number,
  stuckReason: string | null,
  now: number,
): Saga {
  return { ...handBack(saga, now), nextAttemptAt, stuckReason };
}

function decide(
  definition: SagaDefinition,
  edit: OrderEdit,
  saga: Saga,
  now: number,
  atRest: boolean,
): Transition {
  const decision = definition.decide(edit.order, saga);
  switch (decision.kind) {
    case "call": {
      const { step, body } = decision.call;
      const attempt = {
        step,
        request: JSON.stringify(body),
        key: stepKey(saga.id, step),
        firstAttemptAt: now,
        unknowns: 0,
      };
      return {
        saga: { ...saga, attempt, updatedAt: now },
        change: changeOf(edit),
        next: "call",
      };
    }
    case "confirm": {
      if (!atRest) return { saga, change: changeOf(edit), next: "advance" };
      if (definition.confirm === undefined) {
        throw new Error(`Cannot confirm: ${definition.kind} has no such step`);
      }
      definition.confirm(edit, saga);
      const confirmed: Saga = {
        ...saga,
        completedSteps: [...saga.completedSteps, "confirm"],
      };
      return {
        saga: ended(confirmed, "completed", now),
        change: changeOf(edit),
        next: "end",
      };
    }
    case "settle":
      definition.settle(edit, saga, decision.state);
      return {
        saga: ended(saga, decision.state, now),
        change: changeOf(edit),
        next: "end",
      };
  }
}

function parkWith(
  definition: SagaDefinition,
  edit: OrderEdit,
  saga: Saga,
  reason: string,
  now: number,
): Transition {
  definition.parked?.(edit, saga);
  return {
    saga: { ...handBack(saga, now), state: "parked", stuckReason: reason },
    change: changeOf(edit),
    next: "end",
  };
}

function ended(
  saga: Saga,
  state: "completed" | "failed" | "superseded",
  now: number,
): Saga {
  return { ...handBack(saga, now), state, finishedAt: now };
}

function editOf(order: Order, saga: Saga, now: number): OrderEdit {
  return new OrderEdit(order, { now, traceparent: saga.traceparent, saga });
}

function changeOf(edit: OrderEdit): OrderChange | null {
  return edit.changed ? edit.finish() : null;
}

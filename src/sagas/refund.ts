/**
 * refund: the exact accepted amount; when that makes the total, the inventory is released and the order
 * ends REFUNDED. A declined refund drops its hold and ends `failed`; the order's state is unchanged.
 *
 * `order.refunded` is told at the saga's end, so that its status is the final one; a saga that is parked
 * after the money went back tells it when it is parked.
 */
import type { OrderEdit } from "../orders/edit.ts";
import type { Saga } from "../orders/saga.ts";
import {
  applyRelease,
  refundCall,
  releaseCall,
  type SagaDefinition,
} from "./definition.ts";

export const refund: SagaDefinition = {
  kind: "refund",
  version: 1,

  decide(order, saga) {
    if (saga.failure !== null) return { kind: "settle", state: "failed" };
    if (!saga.completedSteps.includes("refund")) {
      return { kind: "call", call: refundCall(order, amountOf(saga)) };
    }
    const total = order.refundedMinor === order.capturedMinor;
    if (total && order.reservationId !== null) {
      return { kind: "call", call: releaseCall(order) };
    }
    return { kind: "settle", state: "completed" };
  },

  apply(edit, saga, step, outcome) {
    switch (step) {
      case "refund": {
        const amount = amountOf(saga);
        const heldMinor = edit.order.heldMinor - amount;
        if (outcome.kind === "declined") {
          edit.facts({ heldMinor });
          return { failure: `refund declined: ${outcome.reason}` };
        }
        const refundedMinor = edit.order.refundedMinor + amount;
        edit.facts({ heldMinor, refundedMinor });
        return {};
      }
      case "release":
        return applyRelease(edit, outcome);
      case "reserve":
      case "charge":
        throw new Error(`Cannot apply ${step}: a refund saga only undoes`);
    }
  },

  settle(edit, saga, state) {
    if (state === "failed") {
      const why = saga.failure ?? "failed";
      edit.note("OrderSagaFailed", why);
      edit.emitSaga("saga.failed", { reason: why });
      return;
    }
    if (edit.order.refundedMinor === edit.order.capturedMinor) {
      edit.status("REFUNDED");
    }
    tellRefunded(edit, saga);
    edit.emitSaga("saga.refunded", { amount_minor: amountOf(saga).toString() });
  },

  parked(edit, saga) {
    if (saga.completedSteps.includes("refund")) tellRefunded(edit, saga);
  },
};

function tellRefunded(edit: OrderEdit, saga: Saga): void {
  const { capturedMinor, refundedMinor } = edit.order;
  edit.note("OrderRefunded", saga.reason);
  edit.emitOrder("order.refunded", {
    amount_minor: amountOf(saga).toString(),
    remaining_minor: (capturedMinor - refundedMinor).toString(),
    reason: saga.reason,
  });
}

function amountOf(saga: Saga): bigint {
  if (saga.amountMinor === null) {
    throw new Error(`Cannot go on with ${saga.id}: a refund has no amount`);
  }
  return saga.amountMinor;
}

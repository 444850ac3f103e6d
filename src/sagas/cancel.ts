/**
 * cancel: refund what is captured and not refunded -> release -> CANCELED.
 *
 * Everything it undoes comes from the order's recorded facts; all earlier sagas of the order have ended, so
 * nothing is held and nothing is in flight.
 */
import {
  applyRelease,
  refundCall,
  releaseCall,
  type SagaDefinition,
} from "./definition.ts";

export const cancel: SagaDefinition = {
  kind: "cancel",
  version: 1,

  decide(order) {
    const owed = order.capturedMinor - order.refundedMinor;
    if (owed > 0n) return { kind: "call", call: refundCall(order, owed) };
    if (order.reservationId !== null) {
      return { kind: "call", call: releaseCall(order) };
    }
    return { kind: "settle", state: "completed" };
  },

  apply(edit, saga, step, outcome) {
    switch (step) {
      case "refund": {
        if (outcome.kind === "declined") {
          return { parkReason: `refund declined: ${outcome.reason}` };
        }
        const amount = edit.order.capturedMinor - edit.order.refundedMinor;
        edit.facts({ refundedMinor: edit.order.capturedMinor });
        edit.note("OrderRefunded", saga.reason);
        edit.emitOrder("order.refunded", {
          amount_minor: amount.toString(),
          remaining_minor: "0",
          refund_id: outcome.id,
          reason: saga.reason,
        });
        return {};
      }
      case "release":
        return applyRelease(edit, outcome);
      case "reserve":
      case "charge":
        throw new Error(`Cannot apply ${step}: a cancel saga only undoes`);
    }
  },

  settle(edit, saga) {
    edit.status("CANCELED");
    edit.note("OrderCanceled", saga.reason);
    edit.emitOrder("order.canceled", { reason: saga.reason });
    edit.emitSaga("saga.canceled", { outcome: "completed" });
  },
};

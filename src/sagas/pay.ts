/**
 * pay: reserve -> charge -> confirm.
 *
 * Declined or out of stock: what is reserved is released and the order ends CANCELED with the reason. So is what
 * may be reserved: a reserve that is declined only after a call whose answer nobody knows. A pay
 * that meets an accepted cancel ends `superseded` and undoes nothing: the cancel saga, next in the order's
 * line, undoes from the order's recorded facts. The engine resolves an open attempt before it asks `decide`,
 * so a charge that may have happened is on record by then.
 */
import type { Order } from "../orders/order.ts";
import { type Saga, stepKey } from "../orders/saga.ts";
import {
  applyRelease,
  type Decision,
  releaseCall,
  type SagaDefinition,
} from "./definition.ts";

export const pay: SagaDefinition = {
  kind: "pay",
  version: 1,

  decide(order: Order, saga: Saga): Decision {
    if (order.cancelAccepted) return { kind: "settle", state: "superseded" };
    if (saga.failure !== null) {
      return order.reservationId === null
        ? { kind: "settle", state: "failed" }
        : { kind: "call", call: releaseCall(order) };
    }
    if (order.status === "PENDING") {
      return {
        kind: "call",
        call: {
          step: "reserve",
          body: {
            order_id: order.id,
            items: order.items.map(({ sku, qty }) => ({ sku, qty })),
          },
        },
      };
    }
    // A free order has nothing to charge, and payment providers refuse amounts of 0.
    if (order.status === "RESERVED" && order.amountMinor > 0n) {
      return {
        kind: "call",
        call: {
          step: "charge",
          body: {
            order_id: order.id,
            amount_minor: order.amountMinor.toString(),
            currency: order.currency,
          },
        },
      };
    }
    if (order.status === "RESERVED" || order.status === "PAID") {
      return { kind: "confirm" };
    }
    // CONFIRMED only together with the saga's own end, CANCELED only by this saga or after it.
    throw new Error(
      `Cannot go on with ${saga.id}: an open pay meets an order that is ${order.status}`,
    );
  },

  apply(edit, saga, step, outcome) {
    switch (step) {
      case "reserve":
        if (outcome.kind === "declined") {
          if (outcome.sentBefore) {
            // Its id never came; the provider knows the reservation by the key of its call.
            edit.facts({ reservationId: stepKey(saga.id, "reserve") });
          }
          return { failure: `reservation declined: ${outcome.reason}` };
        }
        edit.facts({ reservationId: outcome.id });
        edit.status("RESERVED");
        edit.emitSaga("step.reserved", { reservation_id: outcome.id });
        return {};
      case "charge": {
        if (outcome.kind === "declined") {
          return { failure: `payment declined: ${outcome.reason}` };
        }
        const amount = edit.order.amountMinor;
        edit.facts({ chargeId: outcome.id, capturedMinor: amount });
        edit.status("PAID");
        edit.emitSaga("step.paid", {
          charge_id: outcome.id,
          amount_minor: amount.toString(),
        });
        return {};
      }
      case "release":
        return applyRelease(edit, outcome);
      case "refund":
        throw new Error("Cannot apply refund: a pay saga never refunds");
    }
  },

  confirm(edit) {
    if (edit.order.status === "RESERVED") edit.status("PAID");
    edit.status("CONFIRMED");
    edit.emitOrder("order.confirmed");
    edit.emitSaga("saga.completed");
  },

  settle(edit, saga, state) {
    if (state === "superseded") {
      edit.emitSaga("saga.canceled", { outcome: "superseded" });
      return;
    }
    const why = saga.failure ?? "failed";
    edit.status("CANCELED", why);
    edit.note("OrderSagaFailed", why);
    edit.emitOrder("order.canceled", { reason: why });
    edit.emitSaga("saga.failed", { reason: why });
  },
};

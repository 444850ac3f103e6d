/** Calls and orders of the acceptance tests. */
import type {
  Acceptance,
  RefusalReason,
} from "../../../src/orders/acceptance.ts";
import { newSagaId } from "../../../src/orders/ids.ts";
import type { Order } from "../../../src/orders/order.ts";
import { makeOrder, T0 } from "../../support/fixtures.ts";

export function input() {
  return {
    sagaId: newSagaId(),
    now: T0 + 5,
    correlationId: "correlation-1",
    traceparent: "00-1-2-01",
  };
}

export function eur(amountMinor: bigint) {
  return { currency: "EUR", amountMinor };
}

/** The order after an accepted call. */
export function after(acceptance: Acceptance): Order {
  if (acceptance.kind !== "accepted") {
    throw new Error(`${acceptance.kind}: ${refusal(acceptance)}`);
  }
  return acceptance.change.order;
}

export function refusal(acceptance: Acceptance): RefusalReason | null {
  return "refusal" in acceptance ? acceptance.refusal.reason : null;
}

/** A paid order of 100 with nothing refunded. */
export function paid(fields: Partial<Order> = {}): Order {
  return makeOrder({
    amountMinor: 100n,
    status: "CONFIRMED",
    capturedMinor: 100n,
    chargeId: "ch_1",
    reservationId: "rsv_1",
    payAccepted: true,
    lastSagaNumber: 1,
    sagaSeq: 4,
    orderSeq: 2,
    version: 5n,
    ...fields,
  });
}

/** cancel and refund as pure functions: each decision, each outcome of each step, each end. */
import { assertEquals, assertThrows } from "@std/assert";
import type { Order } from "../../../src/orders/order.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import { cancel } from "../../../src/sagas/cancel.ts";
import {
  definitionOf,
  KNOWN_VERSIONS,
} from "../../../src/sagas/definitions.ts";
import { pay } from "../../../src/sagas/pay.ts";
import { refund } from "../../../src/sagas/refund.ts";
import { makeSaga } from "../../support/fixtures.ts";
import {
  apply,
  confirmed,
  declined,
  done,
  editOf,
  paying,
  pending,
  told,
} from "./definition_fixtures.ts";

const canceling = makeSaga(pending, { kind: "cancel", reason: "changed mind" });

Deno.test("cancel refunds what is captured and not refunded, then releases, then ends", () => {
  const order: Order = { ...confirmed, refundedMinor: 100n };
  assertEquals(cancel.decide(order, canceling), {
    kind: "call",
    call: {
      step: "refund",
      body: {
        order_id: order.id,
        charge_id: "ch_1",
        amount_minor: "2000",
        currency: "EUR",
      },
    },
  });
  const refunded = apply(cancel, order, canceling, "refund", done("re_1"));
  assertEquals(refunded.order.refundedMinor, 2_100n);
  assertEquals(refunded.timeline, ["OrderRefunded: changed mind"]);
  assertEquals(refunded.events, ["order.refunded"]);
  assertEquals(refunded.metadata, [{
    amount_minor: "2000",
    remaining_minor: "0",
    refund_id: "re_1",
    reason: "changed mind",
  }]);
  assertEquals(cancel.decide(refunded.order, canceling), {
    kind: "call",
    call: {
      step: "release",
      body: { order_id: order.id, reservation_id: "rsv_1" },
    },
  });
  const released = apply(
    cancel,
    refunded.order,
    canceling,
    "release",
    done("rel_1"),
  );
  assertEquals(
    cancel.decide(released.order, canceling),
    { kind: "settle", state: "completed" },
  );
});

Deno.test("cancel of an order that nothing was done for calls nobody", () => {
  assertEquals(
    cancel.decide(pending, canceling),
    { kind: "settle", state: "completed" },
  );
  const edit = editOf(pending, canceling);
  cancel.settle(edit, canceling, "completed");
  const { order, timeline, events } = told(edit);
  assertEquals(order.status, "CANCELED");
  assertEquals(timeline, [
    "OrderStatusChanged: CANCELED",
    "OrderCanceled: changed mind",
  ]);
  assertEquals(events, ["order.canceled", "saga.canceled"]);
});

Deno.test("F23 a declined undo parks a cancel and changes no fact", () => {
  for (const step of ["refund", "release"] as const) {
    const { patch, order } = apply(
      cancel,
      confirmed,
      canceling,
      step,
      declined,
    );
    assertEquals(patch, { parkReason: `${step} declined: no` });
    assertEquals(order.refundedMinor, 0n);
    assertEquals(order.reservationId, "rsv_1");
  }
});

Deno.test("cancel never reserves and never charges, and needs what it undoes on record", () => {
  const edit = editOf(confirmed, canceling);
  for (const step of ["reserve", "charge"] as const) {
    assertThrows(() => cancel.apply(edit, canceling, step, done("x")));
  }
  assertThrows(
    () => cancel.decide({ ...confirmed, chargeId: null }, canceling),
    Error,
    "its charge id is not on record",
  );
});

const refunding = makeSaga(confirmed, {
  kind: "refund",
  amountMinor: 600n,
  reason: "broken",
});
const held: Order = { ...confirmed, heldMinor: 600n };
const refundDone: Saga = { ...refunding, completedSteps: ["refund"] };

Deno.test("a refund asks for its exact amount, beyond 2^53 too", () => {
  const big: Saga = { ...refunding, amountMinor: 2n ** 53n + 1n };
  const decision = refund.decide(held, big);
  assertEquals(decision, {
    kind: "call",
    call: {
      step: "refund",
      body: {
        order_id: held.id,
        charge_id: "ch_1",
        amount_minor: "9007199254740993",
        currency: "EUR",
      },
    },
  });
});

Deno.test("a partial refund turns its hold into a refund and leaves the state", () => {
  const { order } = apply(refund, held, refunding, "refund", done("re_1"));
  assertEquals([order.heldMinor, order.refundedMinor], [0n, 600n]);
  assertEquals(
    refund.decide(order, refundDone),
    { kind: "settle", state: "completed" },
  );
  const edit = editOf(order, refundDone);
  refund.settle(edit, refundDone, "completed");
  const end = told(edit);
  assertEquals(end.order.status, "CONFIRMED");
  assertEquals(end.order.reservationId, "rsv_1");
  assertEquals(end.timeline, ["OrderRefunded: broken"]);
  assertEquals(end.events, ["order.refunded", "saga.refunded"]);
  assertEquals(end.metadata[0], {
    amount_minor: "600",
    remaining_minor: "1500",
    reason: "broken",
  });
});

Deno.test("the refund that makes the total releases the inventory and ends REFUNDED", () => {
  const almost: Order = { ...held, refundedMinor: 1_500n };
  const { order } = apply(refund, almost, refunding, "refund", done("re_1"));
  assertEquals(order.refundedMinor, 2_100n);
  assertEquals(refund.decide(order, refundDone), {
    kind: "call",
    call: {
      step: "release",
      body: { order_id: order.id, reservation_id: "rsv_1" },
    },
  });
  const released = apply(refund, order, refundDone, "release", done("rel_1"));
  const edit = editOf(released.order, refundDone);
  refund.settle(edit, refundDone, "completed");
  const end = told(edit);
  assertEquals(end.order.status, "REFUNDED");
  assertEquals(end.timeline, [
    "OrderStatusChanged: REFUNDED",
    "OrderRefunded: broken",
  ]);
  assertEquals(end.metadata[0]?.remaining_minor, "0");
});

Deno.test("F23 a declined refund drops its hold, fails, and leaves the state", () => {
  const { patch, order } = apply(refund, held, refunding, "refund", declined);
  assertEquals(patch, { failure: "refund declined: no" });
  assertEquals([order.heldMinor, order.refundedMinor], [0n, 0n]);
  const failing: Saga = { ...refunding, failure: "refund declined: no" };
  assertEquals(
    refund.decide(order, failing),
    { kind: "settle", state: "failed" },
  );
  const edit = editOf(order, failing);
  refund.settle(edit, failing, "failed");
  const end = told(edit);
  assertEquals(end.order.status, "CONFIRMED");
  assertEquals(end.timeline, ["OrderSagaFailed: refund declined: no"]);
  assertEquals(end.events, ["saga.failed"]);
});

Deno.test("F23 a release declined after the money went back parks the refund, which tells of the money", () => {
  const total: Order = { ...confirmed, refundedMinor: 2_100n };
  const { patch } = apply(refund, total, refundDone, "release", declined);
  assertEquals(patch, { parkReason: "release declined: no" });
  const edit = editOf(total, refundDone);
  refund.parked?.(edit, refundDone);
  assertEquals(told(edit).events, ["order.refunded"]);
  const untold = editOf(held, refunding);
  refund.parked?.(untold, refunding);
  assertEquals(untold.changed, false);
});

Deno.test("a build runs the definition versions that it knows and no others", () => {
  assertEquals(KNOWN_VERSIONS, { pay: [1], cancel: [1], refund: [1] });
  assertEquals(definitionOf(paying), pay);
  assertEquals(definitionOf(canceling), cancel);
  assertEquals(definitionOf(refunding), refund);
  assertEquals(definitionOf({ ...paying, definitionVersion: 2 }), null);
});

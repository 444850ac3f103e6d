/** pay as pure functions: each decision, each outcome of each step, each end. */
import { assertEquals, assertThrows } from "@std/assert";
import type { Order } from "../../../src/orders/order.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import { cancel } from "../../../src/sagas/cancel.ts";
import { pay } from "../../../src/sagas/pay.ts";
import {
  apply,
  declined,
  done,
  editOf,
  paid,
  paying,
  pending,
  reserved,
  told,
} from "./definition_fixtures.ts";

Deno.test("pay decides reserve, charge, confirm, each from the order alone", () => {
  assertEquals(pay.decide(pending, paying), {
    kind: "call",
    call: {
      step: "reserve",
      body: { order_id: pending.id, items: [{ sku: "sku-1", qty: 2 }] },
    },
  });
  assertEquals(pay.decide(reserved, paying), {
    kind: "call",
    call: {
      step: "charge",
      body: { order_id: pending.id, amount_minor: "2100", currency: "EUR" },
    },
  });
  assertEquals(pay.decide(paid, paying), { kind: "confirm" });
});

Deno.test("pay charges nothing for a free order", () => {
  const free: Order = { ...reserved, amountMinor: 0n };
  assertEquals(pay.decide(free, paying), { kind: "confirm" });
  const edit = editOf(free, paying);
  pay.confirm?.(edit, paying);
  assertEquals(told(edit).timeline, [
    "OrderStatusChanged: PAID",
    "OrderStatusChanged: CONFIRMED",
  ]);
});

Deno.test("a reservation and a charge go on record with the status that they make", () => {
  const first = apply(pay, pending, paying, "reserve", done("rsv_9"));
  assertEquals(first.patch, {});
  assertEquals(first.order.reservationId, "rsv_9");
  assertEquals(first.order.status, "RESERVED");
  assertEquals(first.timeline, ["OrderStatusChanged: RESERVED"]);
  assertEquals(first.events, ["step.reserved"]);
  const second = apply(pay, reserved, paying, "charge", done("ch_9"));
  assertEquals(second.order.chargeId, "ch_9");
  assertEquals(second.order.capturedMinor, 2_100n);
  assertEquals(second.order.status, "PAID");
  assertEquals(second.events, ["step.paid"]);
});

Deno.test("confirm ends a pay and tells both topics", () => {
  const edit = editOf(paid, paying);
  pay.confirm?.(edit, paying);
  const { order, events, timeline } = told(edit);
  assertEquals(order.status, "CONFIRMED");
  assertEquals(timeline, ["OrderStatusChanged: CONFIRMED"]);
  assertEquals(events, ["order.confirmed", "saga.completed"]);
});

Deno.test("F23 out of stock: nothing is reserved, so the order is canceled at once, with the reason", () => {
  const { patch, order } = apply(pay, pending, paying, "reserve", declined);
  assertEquals(patch, { failure: "reservation declined: no" });
  const failing: Saga = { ...paying, failure: "reservation declined: no" };
  assertEquals(pay.decide(order, failing), { kind: "settle", state: "failed" });
  const edit = editOf(order, failing);
  pay.settle(edit, failing, "failed");
  const end = told(edit);
  assertEquals(end.order.status, "CANCELED");
  assertEquals(end.timeline, [
    "OrderStatusChanged: reservation declined: no",
    "OrderSagaFailed: reservation declined: no",
  ]);
  assertEquals(end.events, ["order.canceled", "saga.failed"]);
});

Deno.test("F23 a declined charge releases what is reserved before the order is canceled", () => {
  const { patch, order } = apply(pay, reserved, paying, "charge", declined);
  assertEquals(patch, { failure: "payment declined: no" });
  assertEquals(order.capturedMinor, 0n);
  const failing: Saga = { ...paying, failure: "payment declined: no" };
  assertEquals(pay.decide(reserved, failing), {
    kind: "call",
    call: {
      step: "release",
      body: { order_id: pending.id, reservation_id: "rsv_1" },
    },
  });
  const released = apply(pay, reserved, failing, "release", done("rel_1"));
  assertEquals(released.order.reservationId, null);
  assertEquals(
    pay.decide(released.order, failing),
    { kind: "settle", state: "failed" },
  );
});

Deno.test("F23 a declined release inside pay parks it", () => {
  const failing: Saga = { ...paying, failure: "payment declined: no" };
  const { patch, order } = apply(pay, reserved, failing, "release", declined);
  assertEquals(patch, { parkReason: "release declined: no" });
  assertEquals(order.reservationId, "rsv_1");
});

Deno.test("F22 a pay that meets an accepted cancel is superseded at every point, and undoes nothing", () => {
  const failing: Saga = { ...paying, failure: "payment declined: no" };
  for (const order of [pending, reserved, paid]) {
    for (const saga of [paying, failing]) {
      const met: Order = { ...order, cancelAccepted: true };
      assertEquals(pay.decide(met, saga), {
        kind: "settle",
        state: "superseded",
      });
      const edit = editOf(met, saga);
      pay.settle(edit, saga, "superseded");
      const end = told(edit);
      assertEquals(end.order.status, order.status);
      assertEquals(end.order.reservationId, order.reservationId);
      assertEquals(end.timeline, []);
      assertEquals(end.events, ["saga.canceled"]);
    }
  }
});

Deno.test("an open pay of a settled order, and steps that are not pay's, are defects", () => {
  for (const status of ["CONFIRMED", "CANCELED", "REFUNDED"] as const) {
    assertThrows(
      () => pay.decide({ ...paid, status }, paying),
      Error,
      `meets an order that is ${status}`,
    );
  }
  const edit = editOf(paid, paying);
  assertThrows(() => pay.apply(edit, paying, "refund", done("re_1")));
});

Deno.test("F80 a reserve declined after an unknown call is released by the key of that call", () => {
  const inDoubt = { ...declined, sentBefore: true } as const;
  const { patch, order } = apply(pay, pending, paying, "reserve", inDoubt);
  assertEquals(patch, { failure: "reservation declined: no" });
  assertEquals(order.status, "PENDING");
  const failing: Saga = { ...paying, failure: "reservation declined: no" };
  assertEquals(pay.decide(order, failing), {
    kind: "call",
    call: {
      step: "release",
      body: { order_id: pending.id, reservation_id: `${paying.id}:reserve` },
    },
  });
  const released = apply(pay, order, failing, "release", done(""));
  assertEquals(released.order.reservationId, null);
  assertEquals(pay.decide(released.order, failing), {
    kind: "settle",
    state: "failed",
  });
  // A cancel that was accepted meanwhile releases it in pay's place.
  const met: Order = { ...order, cancelAccepted: true };
  assertEquals(pay.decide(met, failing).kind, "settle");
  assertEquals(cancel.decide(met, { ...failing, kind: "cancel" }), {
    kind: "call",
    call: {
      step: "release",
      body: { order_id: pending.id, reservation_id: `${paying.id}:reserve` },
    },
  });
});

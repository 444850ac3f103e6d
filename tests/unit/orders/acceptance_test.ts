/** What may be accepted, and every reason to refuse, against the actual and the projected order. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  acceptCancel,
  acceptPay,
  acceptRefund,
  createOrder,
  type RefusalReason,
} from "../../../src/orders/acceptance.ts";
import { newOrderId } from "../../../src/orders/ids.ts";
import { MAX_INT64, totalMinor } from "../../../src/orders/money.ts";
import {
  type Order,
  ORDER_STATUSES,
  type OrderStatus,
} from "../../../src/orders/order.ts";
import { makeOrder, T0 } from "../../support/fixtures.ts";
import { after, eur, input, paid, refusal } from "./fixtures.ts";

Deno.test("a new order is PENDING at version 1, told once, and holds the exact total", () => {
  const id = newOrderId();
  const { order, timeline, outbox } = createOrder({
    id,
    customerId: "ada",
    currency: "EUR",
    items: [
      { sku: "a", qty: 3, priceMinor: 7n },
      { sku: "b", qty: 1, priceMinor: 0n },
    ],
    now: T0,
    traceparent: null,
  });
  assertEquals(
    [order.status, order.version, order.amountMinor, order.lastSagaNumber],
    ["PENDING", 1n, 21n, 0],
  );
  assertEquals([order.orderSeq, order.sagaSeq], [1, 0]);
  assertEquals([order.createdAt, order.updatedAt], [T0, T0]);
  assertEquals(timeline, [{
    orderId: id,
    type: "OrderStatusChanged",
    reason: "PENDING",
    at: T0,
  }]);
  assertEquals(outbox.map(({ eventType }) => eventType), ["order.created"]);
});

Deno.test("F53 a total up to the last int64 is exact, one more is no order", () => {
  const half = MAX_INT64 / 2n;
  const fits = [
    { sku: "a", qty: 2, priceMinor: half },
    { sku: "b", qty: 1, priceMinor: 1n },
  ];
  assertEquals(totalMinor(fits), MAX_INT64);
  const beyond = [...fits, { sku: "c", qty: 1, priceMinor: 1n }];
  assertEquals(totalMinor(beyond), null);
  assertEquals(
    totalMinor([{ sku: "a", qty: 1_000_000, priceMinor: MAX_INT64 }]),
    null,
  );
  assertEquals(totalMinor([]), 0n);
  assertThrows(
    () =>
      createOrder({
        id: newOrderId(),
        customerId: "ada",
        currency: "EUR",
        items: beyond,
        now: T0,
        traceparent: null,
      }),
    RangeError,
    "does not fit int64",
  );
});

Deno.test("an accepted call is a numbered, open, free saga of its order and one more version", () => {
  const order = paid();
  const context = input();
  const acceptance = acceptRefund(order, eur(40n), "broken", context);
  assert(acceptance.kind === "accepted");
  const { saga, change } = acceptance;
  assertEquals(saga, {
    id: context.sagaId,
    orderId: order.id,
    number: 2,
    kind: "refund",
    definitionVersion: 1,
    state: "open",
    amountMinor: 40n,
    reason: "broken",
    completedSteps: [],
    failure: null,
    attempt: null,
    nextAttemptAt: context.now,
    stuckReason: null,
    owner: null,
    leaseUntil: null,
    fence: 0,
    correlationId: "correlation-1",
    traceparent: "00-1-2-01",
    createdAt: context.now,
    updatedAt: context.now,
    finishedAt: null,
  });
  assertEquals(change.order, {
    ...order,
    heldMinor: 40n,
    lastSagaNumber: 2,
    sagaSeq: 5,
    version: 6n,
    updatedAt: context.now,
  });
  assertEquals(change.timeline, []);
  assertEquals(change.outbox.map(({ eventType, seq }) => [eventType, seq]), [
    ["saga.started", 5],
  ]);
});

Deno.test("acceptance touches neither the order it was given nor a refused one", () => {
  const order = paid();
  const copy = { ...order };
  acceptRefund(order, eur(40n), "", input());
  acceptRefund(order, eur(101n), "", input());
  assertEquals(order, copy);
});

Deno.test("an order can be paid only while PENDING", () => {
  for (const status of ORDER_STATUSES) {
    const answer = acceptPay(makeOrder({ status }), input());
    const reasons: Record<OrderStatus, RefusalReason | null> = {
      PENDING: null,
      RESERVED: "ORDER_NOT_PENDING",
      PAID: "ORDER_NOT_PENDING",
      CONFIRMED: "ORDER_NOT_PENDING",
      CANCELED: "ORDER_CANCELED",
      REFUNDED: "FULLY_REFUNDED",
    };
    assertEquals(refusal(answer), reasons[status], status);
  }
});

Deno.test("F22 a second pay is refused from the moment the first is accepted", () => {
  const once = after(acceptPay(makeOrder(), input()));
  assertEquals(once.payAccepted, true);
  assertEquals(refusal(acceptPay(once, input())), "PAY_ALREADY_ACCEPTED");
  const reserved: Order = { ...once, status: "RESERVED" };
  assertEquals(refusal(acceptPay(reserved, input())), "PAY_ALREADY_ACCEPTED");
});

Deno.test("F22 after an accepted cancel everything is refused in every status, but for a further cancel, which changes nothing", () => {
  for (const status of ["PENDING", "RESERVED", "PAID", "CONFIRMED"] as const) {
    const money = status === "PAID" || status === "CONFIRMED" ? 100n : 0n;
    const order = after(
      acceptCancel(
        paid({ status, capturedMinor: money, payAccepted: false }),
        "no",
        input(),
      ),
    );
    assertEquals(order.cancelAccepted, true);
    for (
      const answer of [
        acceptPay(order, input()),
        acceptRefund(order, null, "", input()),
        acceptRefund(order, eur(1n), "", input()),
      ]
    ) assertEquals(refusal(answer), "CANCEL_ALREADY_ACCEPTED", status);
    assertEquals(acceptCancel(order, "again", input()), { kind: "unchanged" });
  }
});

Deno.test("F22 a cancel is accepted at every point of the pay saga", () => {
  const points: Partial<Order>[] = [
    { status: "PENDING" },
    { status: "PENDING", payAccepted: true },
    { status: "RESERVED", payAccepted: true, reservationId: "rsv_1" },
    { ...paid(), status: "PAID" },
    paid(),
  ];
  for (const point of points) {
    const answer = acceptCancel(makeOrder(point), "no", input());
    assertEquals(refusal(answer), null, String(point.status));
  }
});

Deno.test("a canceled order takes nothing more, and a cancel of it changes nothing", () => {
  const order = makeOrder({ status: "CANCELED" });
  for (
    const answer of [
      acceptPay(order, input()),
      acceptRefund(order, null, "", input()),
    ]
  ) assertEquals(refusal(answer), "ORDER_CANCELED");
  // By a declined payment, too, which no cancel was accepted before.
  for (const cancelAccepted of [true, false]) {
    const answer = acceptCancel({ ...order, cancelAccepted }, "", input());
    assertEquals(answer, { kind: "unchanged" });
  }
});

Deno.test("F22 cancel and refund: a partial refund leaves room for a cancel, a full one does not", () => {
  const partly = after(acceptRefund(paid(), eur(99n), "", input()));
  assertEquals(refusal(acceptCancel(partly, "", input())), null);
  for (const amount of [null, eur(100n)]) {
    const wholly = after(acceptRefund(paid(), amount, "", input()));
    for (
      const answer of [
        acceptCancel(wholly, "", input()),
        acceptRefund(wholly, eur(1n), "", input()),
        acceptRefund(wholly, null, "", input()),
        acceptPay(wholly, input()),
      ]
    ) assertEquals(refusal(answer), "FULLY_REFUNDED");
  }
});

Deno.test("a free order can be canceled, and there is nothing of it to refund", () => {
  const free = paid({ amountMinor: 0n, capturedMinor: 0n, chargeId: null });
  for (const amount of [null, eur(1n)]) {
    assertEquals(
      refusal(acceptRefund(free, amount, "", input())),
      "NOTHING_TO_REFUND",
    );
  }
  assertEquals(refusal(acceptCancel(free, "", input())), null);
});

/** What may be accepted, against the actual and the projected order: CONTRACT's table of refusals. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Acceptance,
  acceptCancel,
  acceptPay,
  acceptRefund,
  createOrder,
  refundable,
  type RefusalReason,
} from "../../../src/orders/acceptance.ts";
import { newOrderId, newSagaId } from "../../../src/orders/ids.ts";
import { MAX_INT64, totalMinor } from "../../../src/orders/money.ts";
import {
  type Order,
  ORDER_STATUSES,
  type OrderStatus,
} from "../../../src/orders/order.ts";
import { makeOrder, T0 } from "../../support/fixtures.ts";

function input() {
  return {
    sagaId: newSagaId(),
    now: T0 + 5,
    correlationId: "correlation-1",
    traceparent: "00-1-2-01",
  };
}

function eur(amountMinor: bigint) {
  return { currency: "EUR", amountMinor };
}

/** The order after an accepted call. */
function after(acceptance: Acceptance): Order {
  if (acceptance.kind === "refused") {
    throw new Error(`refused: ${acceptance.refusal.reason}`);
  }
  return acceptance.change.order;
}

function refusal(acceptance: Acceptance): RefusalReason | null {
  return acceptance.kind === "refused" ? acceptance.refusal.reason : null;
}

/** A paid order of 100 with nothing refunded. */
function paid(fields: Partial<Order> = {}): Order {
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

Deno.test("F22 after an accepted cancel everything is refused, in every status", () => {
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
        acceptCancel(order, "again", input()),
        acceptRefund(order, null, "", input()),
        acceptRefund(order, eur(1n), "", input()),
      ]
    ) assertEquals(refusal(answer), "CANCEL_ALREADY_ACCEPTED", status);
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

Deno.test("a canceled order takes nothing more", () => {
  const order = makeOrder({ status: "CANCELED" });
  for (
    const answer of [
      acceptPay(order, input()),
      acceptCancel(order, "", input()),
      acceptRefund(order, null, "", input()),
    ]
  ) assertEquals(refusal(answer), "ORDER_CANCELED");
});

Deno.test("a refund needs a PAID or CONFIRMED order", () => {
  for (const status of ["PENDING", "RESERVED"] as const) {
    const order = makeOrder({ status, payAccepted: true });
    const answer = acceptRefund(order, eur(1n), "", input());
    assertEquals(refusal(answer), "ORDER_NOT_PAID", status);
  }
  for (const status of ["PAID", "CONFIRMED"] as const) {
    const answer = acceptRefund(paid({ status }), eur(1n), "", input());
    assertEquals(refusal(answer), null, status);
  }
});

Deno.test("F53 a refund in another currency is refused", () => {
  const amount = { currency: "USD", amountMinor: 1n };
  assertEquals(
    refusal(acceptRefund(paid(), amount, "", input())),
    "REFUND_CURRENCY_MISMATCH",
  );
});

Deno.test("F22 two refunds of 60 of 100: the first holds, the second is refused", () => {
  const order = after(acceptRefund(paid(), eur(60n), "", input()));
  assertEquals([order.heldMinor, refundable(order)], [60n, 40n]);
  assertEquals(
    refusal(acceptRefund(order, eur(60n), "", input())),
    "REFUND_EXCEEDS_REMAINING",
  );
  assertEquals(refusal(acceptRefund(order, eur(40n), "", input())), null);
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

Deno.test("F25 a refund above what was captured is refused by the unit", () => {
  assertEquals(refusal(acceptRefund(paid(), eur(100n), "", input())), null);
  assertEquals(
    refusal(acceptRefund(paid(), eur(101n), "", input())),
    "REFUND_EXCEEDS_REMAINING",
  );
  assertEquals(
    refusal(acceptRefund(paid(), eur(MAX_INT64), "", input())),
    "REFUND_EXCEEDS_REMAINING",
  );
});

Deno.test("F25 partial refunds are accepted up to the total and not past it", () => {
  let order = paid();
  let accepted = 0n;
  for (let call = 0; call < 20; call++) {
    const answer = acceptRefund(order, eur(7n), "", input());
    if (answer.kind === "refused") continue;
    accepted += 7n;
    order = answer.change.order;
  }
  assertEquals(accepted, 98n);
  assertEquals(refundable(order), 2n);
  const last = acceptRefund(order, null, "", input());
  assert(last.kind === "accepted");
  assertEquals(last.saga.amountMinor, 2n, "an absent amount is resolved here");
  assertEquals(refundable(last.change.order), 0n);
});

Deno.test("an absent amount is what is left after refunds and holds", () => {
  const order = paid({ refundedMinor: 30n, heldMinor: 20n });
  const answer = acceptRefund(order, null, "", input());
  assert(answer.kind === "accepted");
  assertEquals(answer.saga.amountMinor, 50n);
  assertEquals(answer.change.order.heldMinor, 70n);
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

Deno.test("amounts beyond 2^53 stay exact", () => {
  const big = 2n ** 53n + 1n;
  const order = paid({ amountMinor: big, capturedMinor: big });
  const answer = acceptRefund(order, eur(big), "", input());
  assert(answer.kind === "accepted");
  assertEquals(answer.saga.amountMinor, big);
  assert(answer.change.outbox[0]?.value.includes(`"${big}"`));
});

/** How much may be refunded, and of which order. */
import { assert, assertEquals } from "@std/assert";
import { acceptRefund, refundable } from "../../../src/orders/acceptance.ts";
import { MAX_INT64 } from "../../../src/orders/money.ts";
import { ORDER_STATUSES } from "../../../src/orders/order.ts";
import { makeOrder } from "../../support/fixtures.ts";
import { after, eur, input, paid, refusal } from "./fixtures.ts";

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

Deno.test("F53 a refund in another currency is invalid, whatever the order has become", () => {
  const amount = { currency: "USD", amountMinor: 1n };
  for (const status of ORDER_STATUSES) {
    const order = paid({ status, cancelAccepted: status === "CANCELED" });
    const answer = acceptRefund(order, amount, "", input());
    assertEquals(
      [answer.kind, refusal(answer)],
      ["invalid", "REFUND_CURRENCY_MISMATCH"],
      status,
    );
  }
});

Deno.test("F83 a refund without a currency is in the order's", () => {
  const amount = { currency: null, amountMinor: 60n };
  const answer = acceptRefund(paid(), amount, "", input());
  assert(answer.kind === "accepted");
  assertEquals(answer.saga.amountMinor, 60n);
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
    if (answer.kind !== "accepted") continue;
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

Deno.test("amounts beyond 2^53 stay exact", () => {
  const big = 2n ** 53n + 1n;
  const order = paid({ amountMinor: big, capturedMinor: big });
  const answer = acceptRefund(order, eur(big), "", input());
  assert(answer.kind === "accepted");
  assertEquals(answer.saga.amountMinor, big);
  assert(answer.change.outbox[0]?.value.includes(`"${big}"`));
});

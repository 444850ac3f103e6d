/** Any sequence of calls and of what sagas do with them keeps the amounts of an order in bounds. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  acceptCancel,
  acceptPay,
  acceptRefund,
  refundable,
} from "../../../src/orders/acceptance.ts";
import { newSagaId } from "../../../src/orders/ids.ts";
import type { Order } from "../../../src/orders/order.ts";
import { makeOrder, T0 } from "../../support/fixtures.ts";

const call = fc.oneof(
  fc.constant("pay" as const),
  fc.constant("cancel" as const),
  fc.option(fc.bigInt({ min: 1n, max: 130n }), { nil: null }),
);

Deno.test("F25 whatever is asked: holds never pass what is left, and a refusal changes nothing", () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
  console.log(`acceptance: seed ${seed}`);
  const captured = fc.bigInt({ min: 0n, max: 120n });
  fc.assert(
    fc.property(captured, fc.array(call, { maxLength: 30 }), (paid, calls) => {
      let order: Order = makeOrder({
        amountMinor: 120n,
        status: paid > 0n ? "CONFIRMED" : "PENDING",
        capturedMinor: paid,
      });
      for (const [index, asked] of calls.entries()) {
        const input = {
          sagaId: newSagaId(),
          now: T0 + index,
          correlationId: "",
          traceparent: null,
        };
        const left = refundable(order);
        const answer = asked === "pay"
          ? acceptPay(order, input)
          : asked === "cancel"
          ? acceptCancel(order, "", input)
          : acceptRefund(
            order,
            asked === null ? null : { currency: "EUR", amountMinor: asked },
            "",
            input,
          );
        if (answer.kind !== "accepted") continue;
        const next = answer.change.order;
        assertEquals(next.version, order.version + 1n);
        assertEquals(next.lastSagaNumber, order.lastSagaNumber + 1);
        assertEquals(answer.saga.number, next.lastSagaNumber);
        assert(refundable(next) >= 0n);
        assertEquals(left - refundable(next), answer.saga.amountMinor ?? 0n);
        order = next;
      }
    }),
    { seed, numRuns: 1_000 },
  );
});

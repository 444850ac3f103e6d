/** The sizes of an order and of a timeline's entry are held against their real encoding. */
import { assert } from "@std/assert";
import fc from "fast-check";
import {
  GetOrderResponse,
  ListOrdersResponse,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import {
  orderMessage,
  timelineMessage,
} from "../../../src/grpc/order_service_messages.ts";
import { sizeOf, sizeOfEntry } from "../../../src/orders/size.ts";
import { makeOrder, makeTimeline, T0 } from "../../support/fixtures.ts";

const INT64_MAX = 2n ** 63n - 1n;

Deno.test("an order's size is never less than its encoding's", () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
  console.log(`size: seed ${seed}`);
  const amount = fc.constantFrom(0n, 1n, 2n ** 53n, INT64_MAX);
  const text = (maxLength: number) =>
    fc.string({ unit: "binary", minLength: 1, maxLength });
  const order = fc.record({
    customerId: text(128),
    amountMinor: amount,
    version: amount,
    refundedMinor: amount,
    createdAt: fc.constantFrom(0, T0, 2 ** 52),
    updatedAt: fc.constantFrom(0, T0 + 999, 2 ** 52),
    items: fc.array(
      fc.record({
        sku: text(256),
        qty: fc.constantFrom(1, 1_000_000),
        priceMinor: amount,
      }),
      { maxLength: 20 },
    ),
  });
  fc.assert(
    fc.property(order, (fields) => {
      const given = makeOrder(fields);
      const orders = [orderMessage(given)];
      const message = ListOrdersResponse.fromPartial({ orders });
      const encoded = ListOrdersResponse.encode(message).finish().length;
      assert(sizeOf(given) >= encoded, `${sizeOf(given)} < ${encoded}`);
    }),
    { seed },
  );
});

Deno.test("an entry's size is never less than its encoding's", () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
  console.log(`size: seed ${seed}`);
  const entry = fc.record({
    type: fc.constantFrom("OrderStatusChanged" as const, "OrderRefunded"),
    reason: fc.string({ unit: "binary", maxLength: 1_024 }),
    at: fc.constantFrom(0, T0, 2 ** 52),
  });
  fc.assert(
    fc.property(entry, (fields) => {
      const given = makeTimeline(makeOrder(), fields);
      const timeline = [timelineMessage(given)];
      const message = GetOrderResponse.fromPartial({ timeline });
      const encoded = GetOrderResponse.encode(message).finish().length;
      assert(
        sizeOfEntry(given) >= encoded,
        `${sizeOfEntry(given)} < ${encoded}`,
      );
    }),
    { seed },
  );
});

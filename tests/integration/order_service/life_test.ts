/** The six calls on their good days, over every store. */
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "@oms/lifecycle";
import { OrderStatus } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { SimulatedProviders } from "../../../src/providers/simulated.ts";
import { orderRequest } from "../../support/order_request.ts";
import {
  confirmedOrder,
  createOrder,
  DRIVERS,
  keyed,
  serve,
} from "./served.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const {
  ORDER_STATUS_PENDING,
  ORDER_STATUS_CONFIRMED,
  ORDER_STATUS_CANCELED,
  ORDER_STATUS_REFUNDED,
} = OrderStatus;

for (const driver of DRIVERS) {
  Deno.test(`${driver}: CreateOrder answers the whole order, GetOrder the same`, async () => {
    await using served = await serve({ driver });
    const { client } = served;
    const before = Date.now();
    const request = orderRequest({
      items: [
        {
          sku: "b",
          qty: 3,
          price: { currency: "EUR", amountMinor: 9_007_199_254_740_993n },
        },
        {
          sku: "ä 🛒",
          qty: 1_000_000,
          price: { currency: "EUR", amountMinor: 0n },
        },
        { sku: "a", qty: 1, price: { currency: "EUR", amountMinor: 1n } },
      ],
    });
    const { order } = await client.createOrder(request, keyed());
    assert(order !== undefined && order.createdAt !== undefined);
    assert(order.id.startsWith("ord_"));
    const { id, createdAt, updatedAt, ...rest } = order;
    assertEquals(rest, {
      customerId: "customer-1",
      status: ORDER_STATUS_PENDING,
      amount: { currency: "EUR", amountMinor: 27_021_597_764_222_980n },
      items: request.items,
      version: 1n,
      currency: "EUR",
      refunded: { currency: "EUR", amountMinor: 0n },
    });
    assertEquals(updatedAt, createdAt);
    const ms = Number(createdAt.seconds) * 1_000 + createdAt.nanos / 1e6;
    assert(ms >= before && ms <= Date.now(), String(ms));
    const got = await client.getOrder({ orderId: id });
    assertEquals(got.order, order);
    assertEquals(got.timeline.map(({ type, reason }) => [type, reason]), [
      ["OrderStatusChanged", "PENDING"],
    ]);
  });

  Deno.test(`${driver}: PayOrder answers at once; the order is confirmed in the background, told in four entries`, async () => {
    await using served = await serve({ driver });
    const { client } = served;
    const orderId = await createOrder(served);
    const answer = await client.payOrder({ orderId }, keyed());
    assertEquals(answer, { orderId, status: ORDER_STATUS_PENDING });
    const { order, timeline } = await served.until(
      orderId,
      ORDER_STATUS_CONFIRMED,
    );
    assertEquals(
      timeline.map(({ type, reason }) => `${type} ${reason}`),
      ["PENDING", "RESERVED", "PAID", "CONFIRMED"]
        .map((status) => `OrderStatusChanged ${status}`),
    );
    const now = Math.floor(Date.now() / 1_000);
    for (const { unixTime } of timeline) {
      assert(now - Number(unixTime) <= 5, String(unixTime));
    }
    assertEquals(order?.version, 5n);
    assertEquals(served.providers.effects("charge", orderId).length, 1);
  });

  Deno.test(`${driver}: CancelOrder of a confirmed order gives the money back and names the caller's reason`, async () => {
    await using served = await serve({ driver });
    const orderId = await confirmedOrder(served);
    const answer = await served.client.cancelOrder(
      { orderId, reason: "changed my mind" },
      keyed(),
    );
    assertEquals(answer, { orderId, status: ORDER_STATUS_CONFIRMED });
    const { order, timeline } = await served.until(
      orderId,
      ORDER_STATUS_CANCELED,
    );
    assertEquals(order?.refunded, order?.amount);
    const told = timeline.map(({ type, reason }) => `${type}: ${reason}`);
    assertEquals(told.slice(4), [
      "OrderRefunded: changed my mind",
      "OrderStatusChanged: CANCELED",
      "OrderCanceled: changed my mind",
    ]);
    assertEquals(served.providers.effects("release", orderId).length, 1);
  });

  Deno.test(`${driver}: RefundOrder refunds exactly a part, then all that is left`, async () => {
    await using served = await serve({ driver });
    const { client } = served;
    const orderId = await confirmedOrder(served);
    const amount = { currency: "EUR", amountMinor: 600n };
    const part = { orderId, amount, reason: "broken" };
    const answer = await client.refundOrder(part, keyed());
    assertEquals(answer, { orderId, status: ORDER_STATUS_CONFIRMED });
    await client.refundOrder(
      { orderId, amount: undefined, reason: "" },
      keyed(),
    );
    const { order, timeline } = await served.until(
      orderId,
      ORDER_STATUS_REFUNDED,
    );
    assertEquals(order?.refunded?.amountMinor, 2_100n);
    const bodies = served.providers.effects("refund", orderId)
      .map(({ body }) => JSON.parse(body).amount_minor);
    assertEquals(bodies, ["600", "1500"]);
    const refunds = timeline.filter(({ type }) => type === "OrderRefunded");
    assertEquals(refunds.map(({ reason }) => reason), ["broken", ""]);
  });

  Deno.test(`F23 ${driver}: a declined payment cancels the order, with the reason in the timeline`, async () => {
    await using served = await serve({ driver });
    served.providers.script("charge", {
      kind: "declined",
      reason: "no money",
    });
    const orderId = await createOrder(served);
    await served.client.payOrder({ orderId }, keyed());
    const { timeline } = await served.until(orderId, ORDER_STATUS_CANCELED);
    assertEquals(timeline.slice(-2).map(({ type, reason }) => [type, reason]), [
      ["OrderStatusChanged", "payment declined: no money"],
      ["OrderSagaFailed", "payment declined: no money"],
    ]);
    assertEquals(served.providers.effects("release", orderId).length, 1);
  });

  Deno.test(`${driver}: an amount beyond 2^53 reaches the provider exactly`, async () => {
    await using served = await serve({ driver });
    const price = { currency: "EUR", amountMinor: 9_223_372_036_854_775_807n };
    const orderId = await createOrder(served, {
      items: [{ sku: "sku-1", qty: 1, price }],
    });
    await served.client.payOrder({ orderId }, keyed());
    const { order } = await served.until(orderId, ORDER_STATUS_CONFIRMED);
    assertEquals(order?.amount, price);
    const [charge] = served.providers.callsOf("charge");
    assertEquals(
      JSON.parse(charge?.body ?? "").amount_minor,
      "9223372036854775807",
    );
  });
}

Deno.test("the whole life works with the simulated providers as well", async () => {
  const settings = {
    latencyMs: 2,
    declineRate: 0,
    unknownRate: 0.3,
    seed: "life",
  };
  const silent = { request: () => {}, circuit: () => {} };
  const simulated = new SimulatedProviders(settings, systemClock, silent);
  const providers = {
    payment: simulated,
    inventory: simulated,
    close: () => Promise.resolve(),
  };
  await using served = await serve({ providers });
  const ids = await Promise.all(
    Array.from({ length: 20 }, () => createOrder(served)),
  );
  for (const orderId of ids) await served.client.payOrder({ orderId }, keyed());
  for (const orderId of ids) {
    await served.until(orderId, ORDER_STATUS_CONFIRMED);
  }
  for (const orderId of ids) {
    await served.client.cancelOrder({ orderId, reason: "" }, keyed());
  }
  for (const orderId of ids) {
    const { order } = await served.until(orderId, ORDER_STATUS_CANCELED);
    assertEquals(order?.refunded, order?.amount);
  }
  assertEquals(served.errors, []);
});

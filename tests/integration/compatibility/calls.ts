/** Tests of the rows about calls, by the rows' names. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { createOrder as newOrder } from "../../../src/orders/acceptance.ts";
import { newOrderId } from "../../../src/orders/ids.ts";
import { OrderStatus } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { makeChange, makeOrder, T0 } from "../../support/fixtures.ts";
import { orderRequest } from "../../support/order_request.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { until } from "../../support/until.ts";
import {
  confirmedOrder,
  createOrder,
  keyed,
  refusal,
  serve,
  type Served,
} from "../order_service/served.ts";

const {
  ORDER_STATUS_CANCELED: CANCELED,
  ORDER_STATUS_CONFIRMED: CONFIRMED,
  ORDER_STATUS_REFUNDED: REFUNDED,
} = OrderStatus;

/** Of a confirmed order over 2,100 EUR cents. */
function refund(
  { client }: Served,
  orderId: string,
  amountMinor: bigint,
  currency = "EUR",
) {
  const amount = { currency, amountMinor };
  return client.refundOrder({ orderId, amount, reason: "" }, keyed());
}

async function sagasOf({ store }: Served, orderId: string): Promise<number> {
  const order = await store.order(orderId as `ord_${string}`);
  return order?.lastSagaNumber ?? 0;
}

async function refusedFields(call: Promise<unknown>): Promise<string[]> {
  const error = await refusal(call);
  assertEquals(error.code, status.INVALID_ARGUMENT, error.message);
  return error.violations.map(({ field }) => field);
}

/** The envelope of a new order's first event. */
function envelope(): Record<string, unknown> {
  const { outbox: [event] } = newOrder({
    id: newOrderId(),
    customerId: "ada",
    currency: "EUR",
    items: [{ sku: "a", qty: 1, priceMinor: 7n }],
    now: T0,
    traceparent: null,
  });
  assert(event !== undefined);
  return JSON.parse(event.value);
}

export const CALLS: Readonly<Record<string, () => Promise<void> | void>> = {
  "refund-other-currency": async () => {
    await using served = await serve();
    for (const create of [confirmedOrder, createOrder]) {
      const orderId = await create(served);
      const error = await refusal(refund(served, orderId, 1n, "USD"));
      assertEquals(
        [error.code, error.reason, error.violations[0]?.field],
        [
          status.INVALID_ARGUMENT,
          "REFUND_CURRENCY_MISMATCH",
          "amount.currency",
        ],
      );
    }
  },

  "refund-without-currency": async () => {
    await using served = await serve();
    const orderId = await confirmedOrder(served);
    await refund(served, orderId, 2_100n, "");
    const { order } = await served.until(orderId, REFUNDED);
    assertEquals(order?.refunded, { currency: "EUR", amountMinor: 2_100n });
  },

  "cancel-canceled": async () => {
    await using served = await serve();
    const { client } = served;
    const orderId = await createOrder(served);
    await client.cancelOrder({ orderId, reason: "first" }, keyed());
    const before = await served.until(orderId, CANCELED);
    const key = keyed();
    const again = { orderId, reason: "again" };
    const answer = await client.cancelOrder(again, key);
    assertEquals(answer, { orderId, status: CANCELED });
    assertEquals(await client.cancelOrder(again, key), answer);
    assertEquals(await client.getOrder({ orderId }), before);
    assertEquals(await sagasOf(served, orderId), 1);
  },

  "cancel-accepted": async () => {
    await using served = await serve();
    const { client } = served;
    const orderId = await confirmedOrder(served);
    served.providers.script("refund", { kind: "hang", effect: false });
    const cancel = () => client.cancelOrder({ orderId, reason: "no" }, keyed());
    const first = await cancel();
    assertEquals(first, { orderId, status: CONFIRMED });
    assertEquals(await cancel(), first);
    assertEquals(await sagasOf(served, orderId), 2, "a pay and one cancel");
    // Other changes of the order are refused from here on.
    const error = await refusal(refund(served, orderId, 1n));
    assertEquals(error.reason, "CANCEL_ALREADY_ACCEPTED");
  },

  "page-size-unset": async () => {
    await using served = await serve();
    for (let n = 0; n < 101; n++) {
      const order = makeOrder({ customerId: "ada", createdAt: T0 + n });
      await served.store.commit(makeChange({ orderInsert: order }));
    }
    const { orders, nextPageToken } = await served.client.listOrders({
      customerId: "ada",
      pageSize: 0,
      pageToken: "",
      filterStatuses: [],
    });
    assertEquals(orders.length, 100);
    assert(nextPageToken !== "");
  },

  "order-fields": async () => {
    await using served = await serve();
    const orderId = await confirmedOrder(served);
    const { order } = await served.client.getOrder({ orderId });
    assert(order?.createdAt !== undefined && order.updatedAt !== undefined);
    assertEquals(order.refunded, { currency: "EUR", amountMinor: 0n });
  },

  "event-fields": () => {
    const { seq, schema_version, occurred_at } = envelope();
    assertEquals([seq, schema_version], [1, 1]);
    assertEquals(occurred_at, new Date(T0).toISOString());
  },

  "timeline-pages": async () => {
    await using served = await serve();
    const orderId = await confirmedOrder(served);
    const whole = await served.client.getOrder({ orderId });
    assertEquals(whole.nextTimelinePageToken, "", "unasked for, one answer");
    const page = await served.client.getOrder({ orderId, timelinePageSize: 3 });
    const rest = await served.client.getOrder({
      orderId,
      timelinePageToken: page.nextTimelinePageToken,
    });
    assertEquals(page.timeline.length, 3);
    assertEquals([...page.timeline, ...rest.timeline], whole.timeline);
  },

  "cut-off-saga": async () => {
    await using world = new SagaWorld();
    const id = await world.create();
    await world.pay(id);
    world.crash();
    await world.restart();
    await world.settle();
    assertEquals(world.order(id).status, "CONFIRMED");
    assertEquals(world.providers.effects("charge", id).length, 1);
    assertEquals(verdict(world), []);
  },

  "refund-above-total": async () => {
    await using served = await serve();
    const orderId = await confirmedOrder(served);
    const error = await refusal(refund(served, orderId, 2_101n));
    assertEquals(
      [error.code, error.reason],
      [status.FAILED_PRECONDITION, "REFUND_EXCEEDS_REMAINING"],
    );
    await refund(served, orderId, 2_100n);
  },

  "refund-zero": async () => {
    await using served = await serve();
    const orderId = await confirmedOrder(served);
    assertEquals(
      await refusedFields(refund(served, orderId, 0n)),
      ["amount.amount_minor"],
    );
    const rest = { orderId, amount: undefined, reason: "" };
    await served.client.refundOrder(rest, keyed());
    const { order } = await served.until(orderId, REFUNDED);
    assertEquals(order?.refunded?.amountMinor, 2_100n);
  },

  "refund-part-status": async () => {
    await using served = await serve();
    const orderId = await confirmedOrder(served);
    await refund(served, orderId, 2_099n);
    await until("the refund is made", async () => {
      const { order } = await served.client.getOrder({ orderId });
      assertEquals(order?.status, CONFIRMED);
      return order?.refunded?.amountMinor === 2_099n;
    });
    await refund(served, orderId, 1n);
    await served.until(orderId, REFUNDED);
  },

  limits: async () => {
    await using served = await serve();
    const { client } = served;
    const item = (fields = {}) => ({
      sku: "s",
      qty: 1,
      price: { currency: "EUR", amountMinor: 1n },
      ...fields,
    });
    const create = (fields: Parameters<typeof orderRequest>[0]) =>
      refusedFields(client.createOrder(orderRequest(fields), keyed()));
    assertEquals(await create({ items: [item({ qty: 1_000_001 })] }), [
      "items[0].qty",
    ]);
    assertEquals(await create({ items: [item({ sku: "s".repeat(257) })] }), [
      "items[0].sku",
    ]);
    assertEquals(await create({ items: Array(1_001).fill(item()) }), ["items"]);
    assertEquals(await create({ customerId: "c".repeat(129) }), [
      "customer_id",
    ]);
    const orderId = await createOrder(served);
    const long = { orderId, reason: "r".repeat(1_025) };
    assertEquals(await refusedFields(client.cancelOrder(long, keyed())), [
      "reason",
    ]);
    for (let n = 0; n < 501; n++) {
      const order = makeOrder({ customerId: "ada", createdAt: T0 + n });
      await served.store.commit(makeChange({ orderInsert: order }));
    }
    const { orders } = await client.listOrders({
      customerId: "ada",
      pageSize: 1_000,
      pageToken: "",
      filterStatuses: [],
    });
    assertEquals(orders.length, 500);
  },

  "lower-case-currency": async () => {
    await using served = await serve();
    const price = { currency: "eur", amountMinor: 1n };
    const request = orderRequest({
      currency: "eur",
      items: [{ sku: "s", qty: 1, price }],
    });
    assertEquals(
      await refusedFields(served.client.createOrder(request, keyed())),
      ["currency"],
    );
  },

  "enveloped-events": () => {
    const { id, aggregate_type, aggregate_id, event_type, payload } =
      envelope();
    assertEquals([aggregate_type, event_type], ["order", "order.created"]);
    assertEquals(id, `${aggregate_id}:order:1`);
    assert(typeof payload === "object" && payload !== null);
    assertEquals(Object.keys(payload), [
      "order_id",
      "customer_id",
      "status",
      "timestamp",
      "metadata",
    ]);
  },

  ids: async () => {
    await using served = await serve();
    const first = await createOrder(served);
    const second = await createOrder(served);
    for (const id of [first, second]) {
      assertMatch(id, /^ord_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]+$/);
    }
    assert(first < second, "they sort by time");
  },
};

/** The conditions and codes of docs/client.md, with the details that a caller gets. */
import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import {
  CreateOrderRequest,
  OrderStatus,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { ERROR_DOMAIN, STATUS_DETAILS } from "../../../src/grpc/status.ts";
import { Status } from "../../../src/grpc/gen/google/rpc/status.ts";
import {
  ErrorInfo,
  RetryInfo,
} from "../../../src/grpc/gen/google/rpc/error_details.ts";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { RawClient } from "../../support/grpc_client.ts";
import { orderRequest } from "../../support/order_request.ts";
import {
  confirmedOrder,
  createOrder,
  keyed,
  refusal,
  serve,
} from "./served.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const NOBODY = "ord_01890000-0000-7000-8000-000000000000";

Deno.test("an unknown order is NOT_FOUND in every call that names one", async () => {
  await using served = await serve();
  const { client } = served;
  for (const orderId of [NOBODY, "nonsense", "saga_1"]) {
    const calls = [
      client.getOrder({ orderId }),
      client.payOrder({ orderId }, keyed()),
      client.cancelOrder({ orderId, reason: "" }, keyed()),
      client.refundOrder({ orderId, amount: undefined, reason: "" }, keyed()),
    ];
    for (const call of calls) {
      const error = await refusal(call);
      assertEquals(error.code, status.NOT_FOUND);
      assertEquals(error.reason, "ORDER_NOT_FOUND");
      assertEquals(error.retryAfterMs, undefined);
    }
  }
});

Deno.test("F22 F25 what the order does not allow is FAILED_PRECONDITION with the reason", async () => {
  await using served = await serve();
  const { client } = served;
  const pending = await createOrder(served);
  const paid = await confirmedOrder(served);
  const refunded = await confirmedOrder(served);
  const all = { orderId: refunded, amount: undefined, reason: "" };
  await client.refundOrder(all, keyed());
  await served.until(refunded, OrderStatus.ORDER_STATUS_REFUNDED);
  const canceled = await createOrder(served);
  await client.cancelOrder({ orderId: canceled, reason: "" }, keyed());
  await served.until(canceled, OrderStatus.ORDER_STATUS_CANCELED);
  const refund = (orderId: string, amountMinor: bigint) =>
    client.refundOrder(
      { orderId, amount: { currency: "EUR", amountMinor }, reason: "" },
      keyed(),
    );
  const cases: readonly [Promise<unknown>, string][] = [
    [refund(pending, 1n), "ORDER_NOT_PAID"],
    [client.payOrder({ orderId: paid }, keyed()), "PAY_ALREADY_ACCEPTED"],
    [refund(paid, 2_101n), "REFUND_EXCEEDS_REMAINING"],
    [client.payOrder({ orderId: canceled }, keyed()), "ORDER_CANCELED"],
    [refund(canceled, 1n), "ORDER_CANCELED"],
    [refund(refunded, 1n), "FULLY_REFUNDED"],
    [
      client.cancelOrder({ orderId: refunded, reason: "" }, keyed()),
      "FULLY_REFUNDED",
    ],
  ];
  for (const [call, reason] of cases) {
    const error = await refusal(call);
    assertEquals(error.code, status.FAILED_PRECONDITION, reason);
    assertEquals(error.reason, reason);
    assert(error.message.length > 10, error.message);
  }
});

Deno.test("F44 under back-pressure the four mutating calls are RESOURCE_EXHAUSTED with RetryInfo and push-back, reads are served", async () => {
  await using served = await serve();
  const { client } = served;
  const orderId = await createOrder(served);
  served.overBacklog = true;
  const calls = [
    client.createOrder(orderRequest(), keyed()),
    client.payOrder({ orderId }, keyed()),
    client.cancelOrder({ orderId, reason: "" }, keyed()),
    client.refundOrder({ orderId, amount: undefined, reason: "" }, keyed()),
  ];
  for (const call of calls) {
    const error = await refusal(call);
    assertEquals(error.code, status.RESOURCE_EXHAUSTED);
    assertEquals(error.reason, "OUTBOX_BACKLOG");
    assertEquals(error.retryAfterMs, 1_000);
  }
  await client.getOrder({ orderId });
  served.overBacklog = false;
  await client.payOrder({ orderId }, keyed());
});

Deno.test("every refusal carries ErrorInfo of our domain; UNAVAILABLE also RetryInfo and grpc-retry-pushback-ms", async () => {
  await using served = await serve();
  served.dispatcher.close();
  using raw = new RawClient(served.address);
  const orderId = await createOrder(served);
  const { code, trailer } = await raw.call(
    CreateOrderRequest.encode(orderRequest()).finish(),
    { path: "/oms.v1.OrderService/CreateOrder" },
  );
  assertEquals(code, status.INVALID_ARGUMENT);
  const detailsOf = (metadata: typeof trailer) => {
    const [bytes] = metadata.get(STATUS_DETAILS);
    assert(bytes instanceof Uint8Array);
    return Status.decode(bytes).details;
  };
  const [info] = detailsOf(trailer);
  const { domain, reason } = ErrorInfo.decode(info?.value ?? new Uint8Array());
  assertEquals([domain, reason], [ERROR_DOMAIN, "INVALID_REQUEST"]);
  const pay = await raw.call(
    CreateOrderRequest.encode({ customerId: orderId, items: [], currency: "" })
      .finish(),
    {
      path: "/oms.v1.OrderService/PayOrder",
      metadata: { "idempotency-key": "k" },
    },
  );
  assertEquals(pay.code, status.UNAVAILABLE);
  assertEquals(pay.error?.reason, "STOPPING");
  const retry = detailsOf(pay.trailer)
    .find(({ typeUrl }) => typeUrl.endsWith("google.rpc.RetryInfo"));
  const { retryDelay } = RetryInfo.decode(retry?.value ?? new Uint8Array());
  assertEquals(retryDelay, { seconds: 0n, nanos: 250_000_000 });
  assertEquals(pay.trailer.get("grpc-retry-pushback-ms"), ["250"]);
});

Deno.test("F21 a call that comes when no saga is taken on any more is UNAVAILABLE, writes nothing, and works later with its key", async () => {
  await using served = await serve();
  const orderId = await createOrder(served);
  served.dispatcher.close();
  const key = keyed();
  const error = await refusal(served.client.payOrder({ orderId }, key));
  assertEquals([error.code, error.reason], [status.UNAVAILABLE, "STOPPING"]);
  const { order } = await served.client.getOrder({ orderId });
  assertEquals(order?.version, 1n);
  assertEquals(await served.store.answer(key.idempotencyKey, 0), null);
});

Deno.test("F30 an unavailable store is UNAVAILABLE, tells nothing of itself, and keeps no answer", async () => {
  let full = false;
  await using served = await serve({
    wrap: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === "commit" && full) {
            const error = new StoreUnavailableError("disk /secret is full");
            return () => Promise.reject(error);
          }
          const value = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
  });
  const orderId = await createOrder(served);
  const answered = keyed();
  const reason = "changed my mind";
  const first = await served.client.cancelOrder({ orderId, reason }, answered);
  full = true;
  const again = await served.client.cancelOrder({ orderId, reason }, answered);
  assertEquals(again, first, "what is stored is answered all the same");
  const key = keyed();
  const error = await refusal(served.client.createOrder(orderRequest(), key));
  assertEquals(error.code, status.UNAVAILABLE);
  assertEquals(error.reason, "STORE_UNAVAILABLE");
  assert(!error.message.includes("secret"), error.message);
  full = false;
  await served.client.createOrder(orderRequest(), key);
});

Deno.test("an order that moves under a call again and again is ABORTED, without a push-back", async () => {
  let moving = false;
  await using served = await serve({
    wrap: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === "commit" && moving) {
            const conflict = { kind: "conflict", which: "order_version" };
            return () => Promise.resolve(conflict);
          }
          const value = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
  });
  const orderId = await createOrder(served);
  moving = true;
  const error = await refusal(served.client.payOrder({ orderId }, keyed()));
  assertEquals([error.code, error.reason], [status.ABORTED, "VERSION_RACE"]);
  assertEquals(error.retryAfterMs, undefined);
});

Deno.test("x-correlation-id is taken over or made, kept with the saga, and returned with answers and refusals", async () => {
  await using served = await serve();
  using raw = new RawClient(served.address);
  const request = CreateOrderRequest.encode(orderRequest()).finish();
  const path = "/oms.v1.OrderService/CreateOrder";
  const given = await raw.call(request, {
    path,
    metadata: { "idempotency-key": "a", "x-correlation-id": "trace-me" },
  });
  assertEquals(given.initial?.get("x-correlation-id"), ["trace-me"]);
  const made = await raw.call(request, {
    path,
    metadata: { "idempotency-key": "b" },
  });
  const [id] = made.initial?.get("x-correlation-id") ?? [];
  assert(typeof id === "string" && id.length === 36, String(id));
  const refused = await raw.call(request, {
    path,
    metadata: { "x-correlation-id": "trace-me" },
  });
  assertEquals(refused.trailer.get("x-correlation-id"), ["trace-me"]);
  const orderId = await createOrder(served);
  served.providers.script("reserve", { kind: "hang", effect: false });
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  await served.client.payOrder({ orderId }, {
    ...keyed(),
    metadata: { "x-correlation-id": "pay-it", traceparent },
  });
  const saga = await served.store.nextSaga(orderId as `ord_${string}`);
  assertEquals(saga?.correlationId, "pay-it");
  assertEquals(saga?.traceparent, traceparent);
});

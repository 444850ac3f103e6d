/** F22 and F54 on the wire: one key, one answer, one effect. */
import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { connect } from "node:http2";
import {
  CreateOrderRequest,
  OrderStatus,
  PayOrderRequest,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { RawClient } from "../../support/grpc_client.ts";
import { grpcHeaders, grpcMessage } from "../../support/raw_http2.ts";
import { orderRequest } from "../../support/order_request.ts";
import {
  confirmedOrder,
  createOrder,
  DRIVERS,
  keyed,
  refusal,
  serve,
  type Served,
} from "./served.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CREATE = "/oms.v1.OrderService/CreateOrder";
const PAY = "/oms.v1.OrderService/PayOrder";

for (const driver of DRIVERS) {
  Deno.test(`F22 ${driver}: 100 concurrent calls of one key: the same bytes, one order, one effect`, async () => {
    await using served = await serve({ driver });
    using raw = new RawClient(served.address);
    const metadata = { "idempotency-key": "one" };
    const request = CreateOrderRequest.encode(orderRequest()).finish();
    const created = await Promise.all(
      Array.from(
        { length: 100 },
        () => raw.call(request, { path: CREATE, metadata }),
      ),
    );
    assertEquals(new Set(created.map(({ code }) => code)), new Set([0]));
    const bytes = created.map(({ response }) => response?.toString("hex"));
    assertEquals(new Set(bytes).size, 1);
    const { orders } = await served.client.listOrders({
      customerId: "customer-1",
      pageSize: 10,
      pageToken: "",
      filterStatuses: [],
    });
    const [order] = orders;
    assertEquals(orders.length, 1);
    const orderId = order?.id ?? "";
    const pay = PayOrderRequest.encode({ orderId }).finish();
    const paid = await Promise.all(
      Array.from(
        { length: 100 },
        () =>
          raw.call(pay, { path: PAY, metadata: { "idempotency-key": "two" } }),
      ),
    );
    assertEquals(
      new Set(paid.map(({ response }) => response?.toString("hex"))).size,
      1,
    );
    await served.until(orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
    assertEquals(served.providers.callsOf("charge").length, 1);
    const again = await raw.call(pay, {
      path: PAY,
      metadata: { "idempotency-key": "two" },
    });
    assertEquals(again.response, paid[0]?.response, "after it moved on");
  });

  Deno.test(`F25 ${driver}: 100 refunds of a hundredth at the same moment are all accepted, the next is refused`, async () => {
    await using served = await serve({ driver });
    const orderId = await confirmedOrder(served);
    const refund = () =>
      served.client.refundOrder({
        orderId,
        amount: { currency: "EUR", amountMinor: 21n },
        reason: "",
      }, keyed());
    const answers = await Promise.all(Array.from({ length: 100 }, refund));
    assertEquals(answers.length, 100);
    assertEquals((await refusal(refund())).reason, "FULLY_REFUNDED");
    await served.until(orderId, OrderStatus.ORDER_STATUS_REFUNDED);
    assertEquals(served.providers.effects("refund", orderId).length, 100);
  });

  Deno.test(`F54 ${driver}: a key with another payload or method is ALREADY_EXISTS`, async () => {
    await using served = await serve({ driver });
    const { client } = served;
    const key = keyed();
    const { order } = await client.createOrder(orderRequest(), key);
    const orderId = order?.id ?? "";
    const amount = { currency: "EUR", amountMinor: 1n };
    const calls = [
      client.createOrder(orderRequest({ customerId: "other" }), key),
      client.payOrder({ orderId }, key),
      client.cancelOrder({ orderId, reason: "" }, key),
      client.refundOrder({ orderId, amount, reason: "" }, key),
    ];
    for (const call of calls) {
      const error = await refusal(call);
      assertEquals(error.code, status.ALREADY_EXISTS);
      assertEquals(error.reason, "IDEMPOTENCY_KEY_REUSED");
    }
    const again = await client.createOrder(orderRequest(), key);
    assertEquals(again.order?.id, orderId);
    // Both requests are the same bytes: only the method tells them apart.
    const paying = keyed();
    await client.payOrder({ orderId }, paying);
    const reused = await refusal(
      client.cancelOrder({ orderId, reason: "" }, paying),
    );
    assertEquals(reused.reason, "IDEMPOTENCY_KEY_REUSED");
  });
}

Deno.test("F54 at the same moment: one payload wins, the other is ALREADY_EXISTS", async () => {
  await using served = await serve();
  const orderId = await createOrder(served);
  const key = keyed();
  const outcomes = await Promise.allSettled([
    served.client.cancelOrder({ orderId, reason: "one" }, key),
    served.client.cancelOrder({ orderId, reason: "two" }, key),
  ]);
  const failed = outcomes.filter(({ status }) => status === "rejected");
  assertEquals(failed.length, 1);
  const [lost] = failed;
  assertEquals(
    lost?.status === "rejected" && lost.reason.code,
    status.ALREADY_EXISTS,
  );
});

Deno.test("F22 a replay is answered under back-pressure and while no sagas are taken on", async () => {
  await using served = await serve();
  const orderId = await createOrder(served);
  const key = keyed();
  const first = await served.client.payOrder({ orderId }, key);
  served.overBacklog = true;
  served.dispatcher.close();
  assertEquals(await served.client.payOrder({ orderId }, key), first);
});

Deno.test("F22 refusals are replayed: NOT_FOUND and FAILED_PRECONDITION stay what they were", async () => {
  await using served = await serve();
  const { client } = served;
  const [unknown, early] = [keyed(), keyed()];
  const orderId = await createOrder(served);
  const refund = {
    orderId,
    amount: { currency: "EUR", amountMinor: 1n },
    reason: "",
  };
  const before = await refusal(client.refundOrder(refund, early));
  await client.payOrder({ orderId }, keyed());
  await served.until(orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  const after = await refusal(client.refundOrder(refund, early));
  assertEquals(
    [after.code, after.reason, after.message],
    [before.code, before.reason, before.message],
  );
  for (let i = 0; i < 2; i++) {
    const error = await refusal(client.payOrder({ orderId: "ord_x" }, unknown));
    assertEquals(error.code, status.NOT_FOUND);
  }
});

Deno.test("F54 a missing, empty or over-long key is INVALID_ARGUMENT with its violation, in each mutating call", async () => {
  await using served = await serve();
  const { client } = served;
  const orderId = await confirmedOrder(served);
  const options = [{}, keyed(""), keyed("k".repeat(256))];
  for (const option of options) {
    const calls = [
      client.createOrder(orderRequest(), option),
      client.payOrder({ orderId }, option),
      client.cancelOrder({ orderId, reason: "" }, option),
      client.refundOrder({ orderId, amount: undefined, reason: "" }, option),
    ];
    for (const call of calls) {
      const error = await refusal(call);
      assertEquals(error.code, status.INVALID_ARGUMENT);
      assertEquals(error.reason, "INVALID_REQUEST");
      assertEquals(error.violations.map(({ field }) => field), [
        "idempotency-key",
      ]);
    }
  }
  await client.createOrder(orderRequest(), keyed("k".repeat(255)));
  await client.createOrder(orderRequest(), keyed(" ~!"));
});

Deno.test("a key's payload is the message: order of fields and unknown fields do not matter", async () => {
  await using served = await serve();
  using raw = new RawClient(served.address);
  const { customerId, currency, items } = orderRequest();
  const part = (fields: Partial<CreateOrderRequest>) =>
    CreateOrderRequest.encode(CreateOrderRequest.fromPartial(fields)).finish();
  const inOrder = [part({ customerId }), part({ items }), part({ currency })];
  // Field 999, varint 7.
  const unknown = Uint8Array.of(0xb8, 0x3e, 7);
  const answers = new Set<string>();
  for (
    const parts of [inOrder, inOrder.toReversed(), [unknown, ...inOrder]]
  ) {
    const { code, response } = await raw.call(Buffer.concat(parts), {
      path: CREATE,
      metadata: { "idempotency-key": "one-message" },
    });
    assertEquals(code, status.OK);
    answers.add(response?.toString("hex") ?? "");
  }
  assertEquals(answers.size, 1);
});

interface Refused {
  readonly code: number;
  readonly message: string;
}

/** A CreateOrder with header values that no gRPC client would send. */
async function createWith(address: string, key: string | string[]) {
  const session = connect(`http://${address}`);
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  try {
    return await new Promise<Refused>((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({
        ...grpcHeaders(CREATE),
        "idempotency-key": key,
      });
      let answer: Refused = { code: NaN, message: "" };
      const read = (headers: Record<string, unknown>) => {
        if (!("grpc-status" in headers)) return;
        answer = {
          code: Number(headers["grpc-status"]),
          message: decodeURI(String(headers["grpc-message"])),
        };
      };
      stream.on("response", read);
      stream.on("trailers", read);
      stream.on("error", reject);
      stream.on("close", () => resolve(answer));
      stream.resume();
      stream.end(
        grpcMessage(CreateOrderRequest.encode(orderRequest()).finish()),
      );
    });
  } finally {
    session.close();
    await closed;
  }
}

// Deno's http2 joins repeated header lines before grpc-js sees them (RFC 9110, 5.3 allows it), so that they cannot
// be told from one line that holds a comma.
Deno.test("F54 a repeated key is INVALID_ARGUMENT; one with a comma in it is a key", async () => {
  await using served = await serve();
  for (
    const keys of [
      ["one", "two"],
      ["one", "one"],
      ["a,b", "c"],
      ["good", "schlüssel"],
    ]
  ) {
    const { code, message } = await createWith(served.address, keys);
    assertEquals(code, status.INVALID_ARGUMENT, keys.join(" and "));
    assertEquals(message, "idempotency-key: must be sent once");
  }
  const { code } = await createWith(served.address, "one, two");
  assertEquals(code, status.OK);
});

Deno.test("F54 a key that is not printable ASCII is INVALID_ARGUMENT", async () => {
  await using served = await serve();
  for (const key of ["schlüssel", "tab\tbed", "\u0080"]) {
    const { code, message } = await createWith(served.address, key);
    assertEquals(code, status.INVALID_ARGUMENT, JSON.stringify(key));
    assertEquals(
      message,
      "idempotency-key: must be 1-255 printable ASCII characters, not only blanks",
    );
  }
});

async function ordersIn(served: Served): Promise<number> {
  const { orders } = await served.client.listOrders({
    customerId: "customer-1",
    pageSize: 10,
    pageToken: "",
    filterStatuses: [],
  });
  return orders.length;
}

Deno.test("F54 blanks around a key are not part of it: k, blank k, k blank make one order", async () => {
  await using served = await serve();
  const long = "k".repeat(255);
  for (const key of ["k", " k ", "k ", "  k", long, ` ${long} `]) {
    const { code } = await createWith(served.address, key);
    assertEquals(code, status.OK, JSON.stringify(key));
  }
  assertEquals(await ordersIn(served), 2);
  // They are one key to the look-up, too: another request under it is refused.
  using raw = new RawClient(served.address);
  const { code } = await raw.call(
    PayOrderRequest.encode({ orderId: "else" }).finish(),
    { path: PAY, metadata: { "idempotency-key": " k" } },
  );
  assertEquals(code, status.ALREADY_EXISTS);
});

Deno.test("F54 blanks inside of a key are part of it", async () => {
  await using served = await serve();
  for (const key of ["a b", "a  b", "ab"]) {
    assertEquals((await createWith(served.address, key)).code, status.OK);
  }
  assertEquals(await ordersIn(served), 3);
});

Deno.test("F54 a key of blanks alone is INVALID_ARGUMENT", async () => {
  await using served = await serve();
  for (const key of ["", " ", "   ", ` ${"k".repeat(256)}`]) {
    const { code, message } = await createWith(served.address, key);
    assertEquals(code, status.INVALID_ARGUMENT, JSON.stringify(key));
    assertEquals(
      message,
      "idempotency-key: must be 1-255 printable ASCII characters, not only blanks",
    );
  }
  assertEquals(await ordersIn(served), 0);
});

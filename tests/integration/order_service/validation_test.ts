/** F53 on the wire: what is no valid request, with every violation and its path. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { RpcError } from "../../../src/grpc/errors.ts";
import {
  CreateOrderRequest,
  type OrderItem,
  OrderStatus,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { RawClient } from "../../support/grpc_client.ts";
import { orderRequest } from "../../support/order_request.ts";
import {
  confirmedOrder,
  createOrder,
  keyed,
  refusal,
  serve,
  type Served,
} from "./served.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const MAX_INT64 = 9_223_372_036_854_775_807n;
const MIN_INT64 = -9_223_372_036_854_775_808n;

function item(fields: Partial<OrderItem> = {}): OrderItem {
  const price = { currency: "EUR", amountMinor: 100n };
  return { sku: "sku-1", qty: 1, price, ...fields };
}

function priced(amountMinor: bigint, qty = 1): OrderItem {
  return item({ qty, price: { currency: "EUR", amountMinor } });
}

/** Paths of the fields that a call is refused for. */
async function fields(call: Promise<unknown>): Promise<string[]> {
  const error = await refusal(call);
  assertEquals(error.code, status.INVALID_ARGUMENT, error.message);
  assertEquals(error.reason, "INVALID_REQUEST");
  for (const { description } of error.violations) {
    assert(description.length > 5, description);
  }
  return error.violations.map(({ field }) => field);
}

/** The same, of a CreateOrder. */
function created(
  { client }: Served,
  request: Partial<CreateOrderRequest>,
): Promise<string[]> {
  return fields(client.createOrder(orderRequest(request), keyed()));
}

Deno.test("F53 all violations are told at once, by path", async () => {
  await using served = await serve();
  const request = {
    customerId: "",
    currency: "euro",
    items: [
      item({ sku: "", qty: 0 }),
      item({ price: undefined }),
      item({
        qty: 1_000_001,
        price: { currency: "USD", amountMinor: -1n },
      }),
    ],
  };
  assertEquals(await fields(served.client.createOrder(request)), [
    "idempotency-key",
    "customer_id",
    "currency",
    "items[0].sku",
    "items[0].qty",
    "items[0].price.currency",
    "items[1].price",
    "items[2].qty",
    "items[2].price.currency",
    "items[2].price.amount_minor",
  ]);
});

Deno.test("F53 limits are exact: the last good value is taken, the next refused", async () => {
  await using served = await serve();
  const good: Partial<CreateOrderRequest>[] = [
    { customerId: "c".repeat(128) },
    { customerId: "🛒".repeat(128) },
    { items: [item({ sku: "s".repeat(256) })] },
    { items: [item({ qty: 1_000_000 })] },
    { items: [priced(0n)] },
    { items: Array.from({ length: 1_000 }, () => item()) },
  ];
  for (const request of good) await createOrder(served, request);
  const bad: readonly [Partial<CreateOrderRequest>, string[]][] = [
    [{ customerId: "c".repeat(129) }, ["customer_id"]],
    [{ items: [item({ sku: "s".repeat(257) })] }, ["items[0].sku"]],
    [{ items: [item({ qty: 1_000_001 })] }, ["items[0].qty"]],
    [{ items: [item({ qty: -1 })] }, ["items[0].qty"]],
    [{ items: [item({ qty: -2_147_483_648 })] }, ["items[0].qty"]],
    [{ items: [priced(-1n)] }, ["items[0].price.amount_minor"]],
    [{ items: [priced(MIN_INT64)] }, ["items[0].price.amount_minor"]],
    [{ items: [] }, ["items"]],
    [{ items: Array.from({ length: 1_001 }, () => item()) }, ["items"]],
    [{ currency: "" }, ["currency", "items[0].price.currency"]],
    [{ currency: "eur" }, ["currency", "items[0].price.currency"]],
  ];
  for (const [request, paths] of bad) {
    assertEquals(await created(served, request), paths);
  }
  const unknown = await refusal(
    served.client.getOrder({ orderId: "o".repeat(128) }),
  );
  assertEquals(unknown.code, status.NOT_FOUND);
  const tooLong = served.client.getOrder({ orderId: "o".repeat(129) });
  assertEquals(await fields(tooLong), ["order_id"]);
  const filtered = (length: number) =>
    served.client.listOrders({
      customerId: "c",
      pageSize: 0,
      pageToken: "",
      filterStatuses: Array.from(
        { length },
        () => OrderStatus.ORDER_STATUS_PAID,
      ),
    });
  assertEquals((await filtered(100)).orders, []);
  assertEquals(await fields(filtered(101)), ["filter_statuses"]);
});

Deno.test("F53 qty x price up to the last int64 is taken, one more is refused", async () => {
  await using served = await serve();
  const half = MAX_INT64 / 2n;
  const orderId = await createOrder(served, {
    items: [priced(half, 2), priced(1n)],
  });
  const { order } = await served.client.getOrder({ orderId });
  assertEquals(order?.amount?.amountMinor, MAX_INT64);
  const overflows = [
    [priced(half, 2), priced(1n), priced(1n)],
    [priced(MAX_INT64, 1_000_000)],
    [priced(MAX_INT64), priced(MAX_INT64)],
  ];
  for (const items of overflows) {
    assertEquals(await created(served, { items }), ["items"]);
  }
});

Deno.test("F53 NUL is refused in every text", async () => {
  await using served = await serve();
  const { client } = served;
  const orderId = await createOrder(served);
  assertEquals(await created(served, { customerId: "a\0b" }), ["customer_id"]);
  assertEquals(await created(served, { items: [item({ sku: "\0" })] }), [
    "items[0].sku",
  ]);
  const cancel = client.cancelOrder({ orderId, reason: "\0" }, keyed());
  assertEquals(await fields(cancel), ["reason"]);
  const list = { customerId: "\0", pageSize: 0, pageToken: "" };
  assertEquals(
    await fields(client.listOrders({ ...list, filterStatuses: [] })),
    ["customer_id"],
  );
  assertEquals(await fields(client.getOrder({ orderId: "\0" })), ["order_id"]);
});

Deno.test("F53 reasons up to 1,024 characters; refunds above 0, in a currency or in the order's", async () => {
  await using served = await serve();
  const { client } = served;
  const orderId = await confirmedOrder(served);
  const reason = "r".repeat(1_025);
  assertEquals(
    await fields(client.cancelOrder({ orderId, reason }, keyed())),
    ["reason"],
  );
  const amounts: readonly [string, bigint, string[]][] = [
    ["EUR", 0n, ["amount.amount_minor"]],
    ["EUR", -1n, ["amount.amount_minor"]],
    ["EUR", MIN_INT64, ["amount.amount_minor"]],
    ["", 0n, ["amount.amount_minor"]],
    ["eur", 1n, ["amount.currency"]],
    ["EURO", 0n, ["amount.currency", "amount.amount_minor"]],
  ];
  for (const [currency, amountMinor, paths] of amounts) {
    const amount = { currency, amountMinor };
    const refund = client.refundOrder({ orderId, amount, reason: "" }, keyed());
    assertEquals(await fields(refund), paths);
  }
  const most = { currency: "EUR", amountMinor: MAX_INT64 };
  const tooMuch = client.refundOrder(
    { orderId, amount: most, reason: "r".repeat(1_024) },
    keyed(),
  );
  assertEquals((await refusal(tooMuch)).reason, "REFUND_EXCEEDS_REMAINING");
});

Deno.test("F53 100,000 items are refused quickly, with as many violations as fit", async () => {
  await using served = await serve();
  using raw = new RawClient(served.address);
  const empty = CreateOrderRequest.fromPartial({
    items: Array.from({ length: 100_000 }, () => ({})),
  });
  const request = CreateOrderRequest.encode(empty).finish();
  const path = "/oms.v1.OrderService/CreateOrder";
  let took = Infinity;
  let error: RpcError | undefined;
  // The quickest of three: a pause of the machine makes none of the call's own.
  for (let tries = 0; tries < 3 && took >= 3_000; tries++) {
    const started = performance.now();
    const outcome = await raw.call(request, { path });
    took = performance.now() - started;
    assertEquals(outcome.code, status.INVALID_ARGUMENT);
    error = outcome.error;
  }
  assertLess(took, 3_000);
  const paths = error?.violations.map(({ field }) => field) ?? [];
  assertEquals(paths.slice(0, 4), [
    "idempotency-key",
    "customer_id",
    "currency",
    "items",
  ]);
  assertEquals(error?.violations.at(-1)?.reason, "VIOLATIONS_OMITTED");
});

Deno.test("F53 strings of 1 MB are refused as too long, or with their message as too large", async () => {
  await using served = await serve();
  const text = "x".repeat(1_000_000);
  assertEquals(await created(served, { customerId: text }), ["customer_id"]);
  const wide = "🛒".repeat(300_000);
  const large = served.client.createOrder(
    orderRequest({ customerId: wide }),
    keyed(),
  );
  const error = await refusal(large);
  assertEquals(error.code, status.RESOURCE_EXHAUSTED);
  assertEquals(error.reason, "MESSAGE_TOO_LARGE");
  assertEquals(error.retryAfterMs, "never");
  await createOrder(served);
});

Deno.test("F53 bytes that are no UTF-8, and lone surrogates, are INVALID_ARGUMENT and never stored", async () => {
  await using served = await serve();
  using raw = new RawClient(served.address);
  const texts = [
    [0xff],
    [0xc3],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80], // U+D800, alone
    [0xed, 0xb0, 0x80], // U+DC00, alone
    [0xf5, 0x80, 0x80, 0x80],
  ];
  for (const bytes of texts) {
    const valid = CreateOrderRequest.encode(
      orderRequest({ customerId: "" }),
    ).finish();
    const customerId = new BinaryWriter().uint32(10)
      .bytes(Uint8Array.from(bytes)).finish();
    const { code, error } = await raw.call(
      Uint8Array.from([...customerId, ...valid]),
      {
        path: "/oms.v1.OrderService/CreateOrder",
        metadata: { "idempotency-key": "k" },
      },
    );
    assertEquals(code, status.INVALID_ARGUMENT, String(bytes));
    assertEquals(error?.reason, "MALFORMED_REQUEST");
  }
  assertEquals(await served.store.answer("k", 0), null);
});

Deno.test("F53 a status that is not in the contract is no filter", async () => {
  await using served = await serve();
  const query = { customerId: "c", pageSize: 0, pageToken: "" };
  const filterStatuses = [
    OrderStatus.ORDER_STATUS_PAID,
    OrderStatus.ORDER_STATUS_UNSPECIFIED,
    99 as OrderStatus,
  ];
  const list = served.client.listOrders({ ...query, filterStatuses });
  assertEquals(await fields(list), [
    "filter_statuses[1]",
    "filter_statuses[2]",
  ]);
});

Deno.test("nothing that was refused is logged as our error, and the service goes on", async () => {
  await using served = await serve();
  await created(served, { customerId: "" });
  await created(served, { items: [] });
  await createOrder(served);
  assertEquals(served.errors, []);
});

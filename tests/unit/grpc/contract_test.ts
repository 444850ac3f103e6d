/**
 * The wire contract: names, numbers and types of proto/oms/v1 as outside clients have them. `buf breaking` compares
 * with a baseline that a change may move; this table may only grow.
 */
import { assert, assertEquals } from "@std/assert";

const PROTO = Deno.readTextFileSync(
  new URL("../../../proto/oms/v1/order_service.proto", import.meta.url),
);

const MESSAGES: Readonly<Record<string, string>> = {
  Money: "string currency = 1; int64 amount_minor = 2;",
  OrderItem: "string sku = 1; int32 qty = 2; Money price = 3;",
  Order:
    "string id = 1; string customer_id = 2; OrderStatus status = 3; Money amount = 4; repeated OrderItem items = 5; " +
    "int64 version = 6; string currency = 7; Money refunded = 8; google.protobuf.Timestamp created_at = 9; " +
    "google.protobuf.Timestamp updated_at = 10;",
  TimelineEvent: "string type = 1; string reason = 2; int64 unix_time = 3;",
  CreateOrderRequest:
    "string customer_id = 1; repeated OrderItem items = 2; string currency = 3;",
  CreateOrderResponse: "Order order = 1;",
  GetOrderRequest:
    "string order_id = 1; int32 timeline_page_size = 2; string timeline_page_token = 3;",
  GetOrderResponse:
    "Order order = 1; repeated TimelineEvent timeline = 2; string next_timeline_page_token = 3;",
  ListOrdersRequest:
    "string customer_id = 1; int32 page_size = 2; string page_token = 3; repeated OrderStatus filter_statuses = 4;",
  ListOrdersResponse: "repeated Order orders = 1; string next_page_token = 2;",
  PayOrderRequest: "string order_id = 1;",
  PayOrderResponse: "string order_id = 1; OrderStatus status = 2;",
  CancelOrderRequest: "string order_id = 1; string reason = 2;",
  CancelOrderResponse: "string order_id = 1; OrderStatus status = 2;",
  RefundOrderRequest:
    "string order_id = 1; Money amount = 2; string reason = 3;",
  RefundOrderResponse: "string order_id = 1; OrderStatus status = 2;",
};

const STATUSES =
  "ORDER_STATUS_UNSPECIFIED = 0; ORDER_STATUS_PENDING = 1; ORDER_STATUS_RESERVED = 2; ORDER_STATUS_PAID = 3; " +
  "ORDER_STATUS_CONFIRMED = 4; ORDER_STATUS_CANCELED = 5; ORDER_STATUS_REFUNDED = 6;";

const METHODS: Readonly<Record<string, string>> = {
  CreateOrder: 'post: "/v1/orders" body: "*"',
  GetOrder: 'get: "/v1/orders/{order_id}"',
  ListOrders: 'get: "/v1/orders"',
  PayOrder: 'post: "/v1/orders/{order_id}/pay" body: "*"',
  CancelOrder: 'post: "/v1/orders/{order_id}/cancel" body: "*"',
  RefundOrder: 'post: "/v1/orders/{order_id}/refund" body: "*"',
};

/** The file without comments, every run of white space one blank. */
const TEXT = PROTO.replaceAll(/\/\/.*$/gm, "").replaceAll(/\s+/g, " ");

function blocks(keyword: string): Record<string, string> {
  const found = TEXT.matchAll(
    new RegExp(`${keyword} (\\w+) \\{ (.*?) \\}`, "g"),
  );
  return Object.fromEntries([...found].map(([, name, body]) => [name, body]));
}

Deno.test("the messages have the contract's fields, numbers and types", () => {
  assert(TEXT.includes("package oms.v1;"));
  assertEquals(blocks("message"), MESSAGES);
  assertEquals(blocks("enum"), { OrderStatus: STATUSES });
});

Deno.test("the methods have the contract's names, messages and HTTP annotations", () => {
  const found = TEXT.matchAll(
    /rpc (\w+)\((\w+)\) returns \((\w+)\) \{ option \(google\.api\.http\) = \{ ?(.*?) ?\}; \}/g,
  );
  const methods = [...found].map(([, name = "", request, response, http]) => {
    assertEquals([request, response], [`${name}Request`, `${name}Response`]);
    return [name, http];
  });
  assertEquals(Object.fromEntries(methods), METHODS);
  assertEquals(TEXT.match(/rpc /g)?.length, methods.length);
});

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { status as codes } from "@grpc/grpc-js";
import { RpcError } from "../../../src/grpc/errors.ts";
import {
  Order,
  OrderStatus,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { runClient } from "../../../tools/client/cli.ts";
import { dialAddress } from "../../../tools/client/dial.ts";
import { parseItem } from "../../../tools/client/parse.ts";
import { StatusNotReachedError } from "../../../tools/client/status_not_reached.ts";
import { waitForStatus } from "../../../tools/client/wait.ts";
import { startEdge } from "../../support/grpc_client.ts";
import { startInProcess } from "./fixtures/in_process.ts";

/** Runs one command line against an address; stdout and stderr parsed when they are JSON. */
async function client(address: string, ...args: string[]) {
  let out = "";
  let err = "";
  const code = await runClient(args, {
    out: (text) => out += text,
    err: (text) => err += text,
    env: (name) => name === "OMS_GRPC_ADDR" ? address : undefined,
  });
  const parse = (text: string) =>
    text.startsWith("{") ? JSON.parse(text) : text;
  return { code, out: parse(out), err: parse(err) };
}

const CREATE = ["create", "--customer", "c-1", "--currency", "EUR"];

Deno.test("create, pay, wait, refund and list, each with one JSON object on stdout", async () => {
  await using service = await startInProcess();
  const { address } = service;
  const created = await client(
    address,
    "--",
    ...CREATE,
    "--item",
    "mug:2:1250",
    "--item",
    "a:b:1:1",
    "--key",
    "key-1",
  );
  assertEquals([created.code, created.err], [0, ""]);
  assertEquals(created.out.idempotency_key, "key-1");
  const { order } = created.out;
  assertEquals(order.status, "PENDING");
  assertEquals(order.amount, { currency: "EUR", amount_minor: "2501" });
  assertEquals(order.items[1].sku, "a:b");
  assertMatch(order.created_at, /^\d{4}-.*Z$/);

  const paid = await client(address, "pay", order.id);
  assertEquals(paid.out.order_id, order.id);
  assertMatch(paid.out.idempotency_key, /^[0-9a-f-]{36}$/);

  const confirmed = await client(
    address,
    "get",
    order.id,
    "--wait",
    "confirmed",
  );
  assertEquals(confirmed.out.order.status, "CONFIRMED");
  assertEquals(confirmed.out.timeline.length >= 4, true);

  const refund = ["refund", order.id, "--amount", "2501", "--currency", "EUR"];
  assertEquals((await client(address, ...refund)).code, 0);
  const refunded = await client(address, "get", order.id, "--wait", "REFUNDED");
  assertEquals(refunded.out.order.refunded.amount_minor, "2501");

  const list = await client(
    address,
    "list",
    "--customer",
    "c-1",
    "--status",
    "REFUNDED",
  );
  assertEquals(list.out.orders.length, 1);
  assertEquals(list.out.next_page_token, "");
});

Deno.test("the same key gives the same order", async () => {
  await using service = await startInProcess();
  const args = [...CREATE, "--item", "mug:1:5", "--key", "key-2"];
  const first = await client(service.address, ...args);
  const second = await client(service.address, ...args);
  assertEquals(first, second);
});

Deno.test("a refusal is JSON on stderr with code and reason, exit 1", async () => {
  await using service = await startInProcess();
  const { address } = service;
  const { out } = await client(address, ...CREATE, "--item", "mug:1:5");
  await client(address, "cancel", out.order.id, "--reason", "changed my mind");
  const refused = await client(address, "pay", out.order.id, "--key", "k");
  assertEquals([refused.code, refused.out], [1, ""]);
  assertEquals(refused.err.idempotency_key, "k");
  assertEquals(refused.err.error.code, "FAILED_PRECONDITION");
  assertMatch(refused.err.error.reason, /CANCEL/);
});

Deno.test("a wrong request tells every violation by its field", async () => {
  await using service = await startInProcess();
  const refused = await client(
    service.address,
    "create",
    "--customer",
    "c",
    "--currency",
    "eur",
    "--item",
    "mug:0:-1",
  );
  assertEquals(refused.code, 1);
  assertEquals(refused.err.error.code, "INVALID_ARGUMENT");
  const fields = refused.err.error.violations.map(
    (violation: { field: string }) => violation.field,
  );
  assertEquals(fields.includes("currency"), true);
  assertEquals(fields.includes("items[0].qty"), true);
});

Deno.test("waiting for a status that cannot come ends at once, waiting too long at the time-out", async () => {
  await using service = await startInProcess();
  const { address } = service;
  const { out } = await client(address, ...CREATE, "--item", "mug:1:5");
  const { id } = out.order;
  const wait = ["get", id, "--wait", "CONFIRMED"];
  const late = await client(address, ...wait, "--timeout", "50ms");
  assertEquals(late.code, 1);
  const { code, reason, message, awaited, last_status } = late.err.error;
  assertEquals([code, reason], ["CLIENT", "STATUS_NOT_REACHED"]);
  assertEquals([awaited, last_status], ["CONFIRMED", "PENDING"]);
  assertEquals(
    message,
    "The order is PENDING, not CONFIRMED: 50ms are over (--timeout)",
  );
  await client(address, "cancel", id);
  await client(address, "get", id, "--wait", "CANCELED");
  const ended = await client(address, ...wait);
  assertEquals(ended.code, 1);
  assertStringIncludes(ended.err.error.message, "it has ended");
});

Deno.test("when the time of a wait is over it says what was awaited and what was there", async () => {
  const answer = (status: OrderStatus) => ({
    order: Order.fromPartial({ id: "ord_1", status }),
    timeline: [],
    nextTimelinePageToken: "",
  });
  const over = () =>
    Promise.reject(
      new RpcError({
        code: codes.DEADLINE_EXCEEDED,
        reason: "DEADLINE_EXCEEDED",
        message: "Deadline exceeded after 0.003s",
      }),
    );
  const { ORDER_STATUS_CONFIRMED: confirmed, ORDER_STATUS_PAID: paid } =
    OrderStatus;
  let asked = 0;
  // The last question has no time left, or the only one has not been answered.
  for (
    const [getOrder, last, message] of [
      [
        () => asked++ === 0 ? Promise.resolve(answer(paid)) : over(),
        "PAID",
        "The order is PAID, not CONFIRMED: 3s are over (--timeout)",
      ],
      [
        over,
        null,
        "It is not known whether the order is CONFIRMED: 3s passed without an answer (--timeout)",
      ],
    ] as const
  ) {
    const error = await assertRejects(
      () => waitForStatus({ getOrder }, "ord_1", confirmed, 3_000),
      StatusNotReachedError,
    );
    assertEquals([error.last, error.message], [last, message]);
  }
});

Deno.test("nobody there: UNAVAILABLE on stderr with the address, the time and the flag, exit 1", async () => {
  const { code, err } = await client(
    "127.0.0.1:1",
    "get",
    "ord_1",
    "--timeout",
    "300ms",
  );
  assertEquals(code, 1);
  assertEquals([err.error.code, err.error.reason], [
    "UNAVAILABLE",
    "UNAVAILABLE",
  ]);
  assertEquals(
    err.error.message,
    "Cannot reach a service at 127.0.0.1:1: start it, or correct --addr (OMS_GRPC_ADDR). Nobody answered within 300ms (--timeout).",
  );
});

Deno.test("somebody who never answers: DEADLINE_EXCEEDED says how long was waited, for whom, and to ask again with the key", async () => {
  await using edge = await startEdge(() => new Promise(() => {}));
  const { code, err } = await client(
    edge.address,
    "get",
    "ord_1",
    "--timeout",
    "2s",
  );
  assertEquals([code, err.error.code], [1, "DEADLINE_EXCEEDED"]);
  assertStringIncludes(
    err.error.message,
    `No answer from ${edge.address} within 2s (--timeout): what was asked for may have been accepted; ask again, with the same --key.`,
  );
});

Deno.test("a wrong command line exits 2 and says what is missing", async () => {
  const none = await client("127.0.0.1:1", ...CREATE);
  assertEquals(none.code, 2);
  assertStringIncludes(none.err, "--item");
  const bad = await client("127.0.0.1:1", ...CREATE, "--item", "mug");
  assertStringIncludes(bad.err, "sku:qty:price");
  assertEquals((await client("127.0.0.1:1", "--help")).code, 0);
});

Deno.test("an address to listen on is one to dial on this host", () => {
  assertEquals(dialAddress(":50051"), "127.0.0.1:50051");
  assertEquals(dialAddress("0.0.0.0:1"), "127.0.0.1:1");
  assertEquals(dialAddress("oms.example:443"), "oms.example:443");
});

Deno.test("an item's price may pass 2^53", () => {
  const [item] = parseItem("x:1:9223372036854775807");
  assertEquals(item?.priceMinor, 9223372036854775807n);
});

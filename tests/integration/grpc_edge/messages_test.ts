/** Wrong messages and headers are refused, with details. */

import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";

import { gzipSync } from "node:zlib";

import { GetOrderResponse } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import {
  assertServes,
  GET_ORDER,
  getOrderBytes,
  orderAnswer,
  RawClient,
  startEdge,
} from "../../support/grpc_client.ts";
import {
  grpcHeaders,
  grpcMessage,
  grpcStatus,
  request,
} from "../../support/raw_http2.ts";

const echo = ({ orderId }: { orderId: string }) =>
  Promise.resolve(orderAnswer(orderId));

Deno.test("F52 a message over the limit is RESOURCE_EXHAUSTED, and clients are told not to repeat it", async () => {
  await using served = await startEdge(echo);
  using client = new RawClient(served.address);
  const { error } = await client.call(getOrderBytes("x".repeat(1_048_577)));
  assertEquals([error?.code, error?.reason], [
    status.RESOURCE_EXHAUSTED,
    "MESSAGE_TOO_LARGE",
  ]);
  assertEquals(error?.retryAfterMs, "never");
  const fits = await client.call(getOrderBytes("x".repeat(1_048_000)));
  assertEquals(fits.code, status.OK);
});

Deno.test("F52 a gzip bomb is RESOURCE_EXHAUSTED; honest gzip is served", async () => {
  await using served = await startEdge(echo);
  const send = (bytes: Uint8Array) =>
    request(
      served,
      grpcHeaders(GET_ORDER, { "grpc-encoding": "gzip" }),
      grpcMessage(bytes, 1),
    );
  const bomb = gzipSync(Buffer.alloc(200_000_000));
  assert(bomb.length < 300_000);
  assertEquals(grpcStatus(await send(bomb)), status.RESOURCE_EXHAUSTED);
  assertEquals(
    grpcStatus(await send(gzipSync(getOrderBytes("zipped")))),
    status.OK,
  );
  assertEquals(
    grpcStatus(await send(Buffer.from("no gzip at all"))),
    status.INTERNAL,
  );
  const cut = gzipSync(getOrderBytes("x".repeat(1_000))).subarray(0, 20);
  assertEquals(grpcStatus(await send(cut)), status.INTERNAL);
  await assertServes(served);
});

for (const encoding of [undefined, "identity"]) {
  Deno.test(`F52 a compressed flag with grpc-encoding ${encoding ?? "missing"} is INTERNAL`, async () => {
    let ran = false;
    await using served = await startEdge((asked) => {
      ran = true;
      return echo(asked);
    });
    const answer = await request(
      served,
      grpcHeaders(
        GET_ORDER,
        encoding === undefined ? {} : { "grpc-encoding": encoding },
      ),
      grpcMessage(getOrderBytes("a"), 1),
    );
    assertEquals(grpcStatus(answer), status.INTERNAL);
    assertEquals(ran, false);
  });
}

Deno.test("F52 an encoding that is not supported is UNIMPLEMENTED", async () => {
  await using served = await startEdge(echo);
  const answer = await request(
    served,
    grpcHeaders(GET_ORDER, { "grpc-encoding": "snappy" }),
    grpcMessage(getOrderBytes("a"), 1),
  );
  assertEquals(grpcStatus(answer), status.UNIMPLEMENTED);
});

for (
  const [what, bytes] of [
    ["truncated", [0x0a, 0x7f, 0x61]],
    ["a varint without end", Array(12).fill(0xff)],
    ["wire type 7", [0x0f]],
    ["invalid UTF-8", [0x0a, 0x02, 0xc3, 0x28]],
  ] as const
) {
  Deno.test(`F52 malformed protobuf (${what}) is INVALID_ARGUMENT and reaches no handler`, async () => {
    let ran = false;
    await using served = await startEdge((asked) => {
      ran = true;
      return echo(asked);
    });
    using client = new RawClient(served.address);
    const { error } = await client.call(Uint8Array.from(bytes));
    assertEquals([error?.code, error?.reason], [
      status.INVALID_ARGUMENT,
      "MALFORMED_REQUEST",
    ]);
    assertEquals(ran, false);
  });
}

Deno.test("F52 unknown fields are passed over", async () => {
  await using served = await startEdge(echo);
  using client = new RawClient(served.address);
  const unknown = Uint8Array.from([0xf8, 0x3f, 0x01, 0x9a, 0x06, 0x01, 0x61]);
  const { response } = await client.call(
    Buffer.concat([unknown, getOrderBytes("known"), unknown]),
  );
  assert(response !== undefined);
  assertEquals(GetOrderResponse.decode(response).order?.id, "known");
});

Deno.test("F52 no message, and two messages, are UNIMPLEMENTED", async () => {
  await using served = await startEdge(echo);
  const none = await request(served, grpcHeaders(GET_ORDER));
  assertEquals(grpcStatus(none), status.UNIMPLEMENTED);
  const one = grpcMessage(getOrderBytes("a"));
  const two = await request(
    served,
    grpcHeaders(GET_ORDER),
    Buffer.concat([one, one]),
  );
  assertEquals(grpcStatus(two), status.UNIMPLEMENTED);
  await assertServes(served);
});

for (
  const path of [
    "/oms.v1.OrderService/Nothing",
    "/nobody/GetOrder",
    "/",
    "/oms.v1.OrderService/GetOrder/%00%ff",
  ]
) {
  Deno.test(`F52 path ${path} is UNIMPLEMENTED with ErrorInfo`, async () => {
    await using served = await startEdge(echo);
    using client = new RawClient(served.address);
    const { error, trailer } = await client.call(getOrderBytes("a"), {
      path,
      metadata: { "x-correlation-id": "corr-3" },
    });
    assertEquals([error?.code, error?.reason], [
      status.UNIMPLEMENTED,
      "UNKNOWN_METHOD",
    ]);
    assertEquals(trailer.get("x-correlation-id"), ["corr-3"]);
  });
}

for (
  const type of [
    undefined,
    "application/json",
    "application/grpc-web",
    "application/grpcx",
  ]
) {
  Deno.test(`F52 F58 content-type ${type ?? "missing"} is HTTP 415`, async () => {
    await using served = await startEdge(echo);
    const headers = grpcHeaders(GET_ORDER);
    delete headers["content-type"];
    if (type !== undefined) headers["content-type"] = type;
    const answer = await request(served, headers, grpcMessage(Buffer.from("")));
    assertEquals(answer.headers[":status"], 415);
    await assertServes(served);
  });
}

Deno.test("F52 application/grpc+proto is served", async () => {
  await using served = await startEdge(echo);
  const headers = grpcHeaders(GET_ORDER);
  headers["content-type"] = "application/grpc+proto";
  const answer = await request(
    served,
    headers,
    grpcMessage(getOrderBytes("a")),
  );
  assertEquals(grpcStatus(answer), status.OK);
});

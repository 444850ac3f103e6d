/** Bytes that no gRPC client sends do not kill the server. */

import { assertEquals, assertMatch } from "@std/assert";

import { Buffer } from "node:buffer";
import { constants } from "node:http2";

import {
  assertServes,
  GET_ORDER,
  orderAnswer,
  startEdge,
} from "../../support/grpc_client.ts";
import {
  Flag,
  frame,
  FrameType,
  grpcHeaders,
  headerBlock,
  PREFACE,
  RawConnection,
  request,
} from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";

const echo = ({ orderId }: { orderId: string }) =>
  Promise.resolve(orderAnswer(orderId));

Deno.test("F58 GET / over HTTP/2, as a scanner sends it, is answered", async () => {
  await using served = await startEdge(echo);
  const { headers } = await request(served, { ":method": "GET", ":path": "/" });
  assertEquals(headers[":status"], 415);
});

for (const kind of ["no", "a gRPC"]) {
  const headers: Record<string, string> = kind === "no"
    ? {}
    : { "content-type": "application/grpc" };
  Deno.test(`F58 two HEADERS frames on one ended stream (${kind} content type) do not kill the server`, async () => {
    await using served = await startEdge(echo);
    for (const path of ["/", GET_ORDER]) {
      const block = headerBlock({
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "a",
        ...headers,
      });
      const ended = Flag.endStream | Flag.endHeaders;
      using raw = await RawConnection.open(served.host, served.port);
      raw.send(
        PREFACE,
        frame(FrameType.settings, 0, 0),
        frame(FrameType.headers, ended, 1, block),
        frame(FrameType.headers, ended, 1, block),
      );
      await raw.closed;
    }
    await assertServes(served);
    await until("no call is open", () => served.edge.calls().length === 0);
  });
}

Deno.test("F58 streams that are reset at once leave no call behind", async () => {
  await using served = await startEdge(echo);
  using raw = await RawConnection.open(served.host, served.port);
  raw.greet();
  const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
  const block = headerBlock(grpcHeaders(GET_ORDER));
  for (let id = 1; id < 401; id += 2) {
    raw.send(
      frame(FrameType.headers, Flag.endHeaders, id, block),
      frame(FrameType.rstStream, 0, id, cancel),
    );
  }
  await assertServes(served);
  await until("no call is open", () => served.edge.calls().length === 0);
});

Deno.test("F58 HTTP/1.1 on the port is told so and closed", async () => {
  await using served = await startEdge(echo);
  using raw = await RawConnection.open(served.host, served.port);
  raw.send(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await raw.closed;
  assertMatch(raw.bytes.toString(), /^HTTP\/1\.1 505 .*\r\n[^]*gRPC/);
  assertEquals(served.edge.connections().foreign, 1);
});

for (
  const [what, bytes] of [
    ["a TLS hello", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]],
    ["zeros", [0, 0, 0, 0]],
    ["half a preface, then garbage", [...PREFACE.subarray(0, 10), 1, 2, 3]],
  ] as const
) {
  Deno.test(`F58 ${what} is closed`, async () => {
    await using served = await startEdge(echo);
    using raw = await RawConnection.open(served.host, served.port);
    raw.send(Uint8Array.from(bytes));
    await raw.closed;
    assertEquals(raw.bytes.length, 0);
    await until("it is gone", () => served.edge.connections().open === 0);
    await assertServes(served);
  });
}

Deno.test("F58 broken frames after the preface end that connection only", async () => {
  await using served = await startEdge(echo);
  for (
    const bytes of [
      Buffer.alloc(64, 0xff),
      frame(FrameType.data, 0, 1, Buffer.from("data before headers")),
      frame(FrameType.headers, Flag.endHeaders, 1, Buffer.from([0x80])),
      frame(FrameType.settings, 0, 3),
    ]
  ) {
    using raw = await RawConnection.open(served.host, served.port);
    raw.greet();
    raw.send(bytes);
    raw.socket.end();
    await raw.closed;
  }
  await assertServes(served);
  await until("all are gone", () => served.edge.connections().open === 0);
});

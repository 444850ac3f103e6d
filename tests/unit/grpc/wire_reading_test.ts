import { assertEquals } from "@std/assert";
import { Metadata, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { correlationIdOf, traceparentOf } from "../../../src/grpc/context.ts";
import { inspect, parseGrpcTimeout } from "../../../src/grpc/guard.ts";
import { methodInfo, safely } from "../../../src/grpc/handlers.ts";
import {
  Order,
  OrderServiceService,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { ServerReflectionService } from "../../../src/grpc/gen/grpc/reflection/v1/reflection.ts";
import { HealthService } from "../../../src/grpc/gen/grpc/health/v1/health.ts";
import { classify } from "../../../src/grpc/listener.ts";

Deno.test("grpc-timeout is read in every unit, up to eight digits", () => {
  assertEquals(
    ["1n", "250u", "80m", "2S", "3M", "1H", "99999999H", "0m"].map(
      parseGrpcTimeout,
    ),
    [0.000_001, 0.25, 80, 2_000, 180_000, 3_600_000, 99_999_999 * 3.6e6, 0],
  );
});

Deno.test("anything else is no grpc-timeout", () => {
  for (const value of ["", "1", "S", "1s", " 1S", "1S ", "-1S", "123456789S"]) {
    assertEquals(parseGrpcTimeout(value), undefined, value);
  }
});

Deno.test("only POST of a known path with a gRPC content type is a call", () => {
  const known = (path: string) => path === "/a/B";
  const headers = {
    ":method": "POST",
    ":path": "/a/B",
    "content-type": "application/grpc+proto",
    "grpc-timeout": "1S",
  };
  assertEquals(inspect(headers, known), {
    kind: "call",
    path: "/a/B",
    timeoutMs: 1_000,
  });
  const kinds = [
    { ...headers, "content-type": "application/grpcx" },
    { ...headers, "content-type": undefined },
    { ...headers, ":method": "GET" },
    { ...headers, ":path": "/a/C" },
    { ...headers, ":path": undefined },
    { ...headers, "grpc-timeout": "soon" },
  ].map((wrong) => {
    const found = inspect(wrong, known);
    return found.kind === "refused" ? status[found.error.code] : found.kind;
  });
  assertEquals(kinds, [
    "not_grpc",
    "not_grpc",
    "UNIMPLEMENTED",
    "UNIMPLEMENTED",
    "UNIMPLEMENTED",
    "INTERNAL",
  ]);
});

Deno.test("the first bytes tell HTTP/2 from the rest, in any pieces", () => {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  for (let length = 0; length < preface.length; length++) {
    assertEquals(classify(preface.subarray(0, length)), "incomplete");
  }
  assertEquals(classify(Buffer.concat([preface, preface])), "preface");
  assertEquals(classify(Buffer.from("GET / HTTP/1.1\r\n")), "http1");
  assertEquals(classify(Buffer.from("PRI * HTTP/1.1\r\n")), "other");
  assertEquals(classify(Uint8Array.from([0x16, 3, 1])), "other");
});

Deno.test("a decoder reports whatever bytes it gets, and never throws", () => {
  const decode = safely(Order.decode);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const decoded = decode(Buffer.from(bytes))();
      return typeof decoded.ok === "boolean";
    }),
  );
});

Deno.test("a decoder refuses invalid UTF-8 and keeps unknown enum numbers", () => {
  const decode = safely(Order.decode);
  assertEquals(decode(Buffer.from([0x0a, 1, 0xff]))(), { ok: false });
  const decoded = decode(Buffer.from([0x18, 99]))();
  assertEquals(decoded.ok && Number(decoded.value.status), 99);
});

Deno.test("an order re-encodes to the same bytes, int64 and nanoseconds included", () => {
  const order = Order.fromPartial({
    id: "ord_1",
    amount: { currency: "EUR", amountMinor: 2n ** 63n - 1n },
    version: -(2n ** 63n),
    createdAt: { seconds: 253_402_300_799n, nanos: 999_999_999 },
  });
  const bytes = Order.encode(order).finish();
  assertEquals(Order.decode(bytes), order);
  assertEquals(Order.encode(Order.decode(bytes)).finish(), bytes);
});

Deno.test("a method is named and typed as in the metrics", () => {
  assertEquals(methodInfo(OrderServiceService.payOrder), {
    path: "/oms.v1.OrderService/PayOrder",
    service: "oms.v1.OrderService",
    name: "PayOrder",
    type: "unary",
  });
  assertEquals(methodInfo(HealthService.watch).type, "server_stream");
  assertEquals(
    methodInfo(ServerReflectionService.serverReflectionInfo).type,
    "bidi_stream",
  );
});

Deno.test("a correlation id is taken over if it is 1-128 printable ASCII characters", () => {
  const of = (value: string) => {
    const metadata = new Metadata();
    metadata.set("x-correlation-id", value);
    return correlationIdOf(metadata);
  };
  for (const good of ["a", "~!/", "x".repeat(128)]) {
    assertEquals(of(good), good);
  }
  for (const bad of ["a b", "x".repeat(129)]) {
    assertEquals(of(bad) === bad, false);
  }
});

Deno.test("traceparent is taken over if W3C calls it valid", () => {
  const of = (value: string) => {
    const metadata = new Metadata();
    metadata.set("traceparent", value);
    return traceparentOf(metadata);
  };
  const [trace, span] = ["1".repeat(32), "2".repeat(16)];
  assertEquals(of(`00-${trace}-${span}-01`), `00-${trace}-${span}-01`);
  for (
    const bad of [
      `ff-${trace}-${span}-01`,
      `00-${"0".repeat(32)}-${span}-01`,
      `00-${trace}-${"0".repeat(16)}-01`,
      `00-${trace}-${span}`,
      `00-${trace.toUpperCase()}A-${span}-01`,
    ]
  ) assertEquals(of(bad), undefined, bad);
});

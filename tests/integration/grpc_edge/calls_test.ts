/** How single calls begin and end at the gRPC edge. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Metadata, status } from "@grpc/grpc-js";
import type { CallContext } from "../../../src/grpc/context.ts";
import { RpcError } from "../../../src/grpc/errors.ts";
import type { GrpcObserver } from "../../../src/grpc/observer.ts";
import { createOrderClient } from "../../../src/grpc/client.ts";
import { GetOrderResponse } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import {
  callHandledWithin,
  getOrderBytes,
  orderAnswer,
  RawClient,
  startEdge,
} from "../../support/grpc_client.ts";
import { until } from "../../support/until.ts";

const whenAborted = (context: CallContext) =>
  new Promise<never>((_, reject) =>
    context.signal.addEventListener(
      "abort",
      () => reject(context.signal.reason),
    )
  );

Deno.test("a call is answered, with its correlation id as initial metadata and the handler's trailer", async () => {
  await using served = await startEdge((request, context) => {
    context.setTrailer("x-trailer", "t");
    return Promise.resolve(orderAnswer(request.orderId));
  });
  using client = new RawClient(served.address);
  const outcome = await client.call(getOrderBytes("ord_1"), {
    metadata: { "x-correlation-id": "corr-1" },
  });
  assertEquals(outcome.code, status.OK);
  assertEquals(outcome.initial?.get("x-correlation-id"), ["corr-1"]);
  assertEquals(outcome.trailer.get("x-trailer"), ["t"]);
  assert(outcome.response !== undefined);
  assertEquals(GetOrderResponse.decode(outcome.response).order?.id, "ord_1");
});

Deno.test("a correlation id that is missing or unusable is replaced by a new one", async () => {
  const seen: string[] = [];
  await using served = await startEdge((_request, context) => {
    seen.push(context.correlationId);
    return Promise.resolve(orderAnswer("x"));
  });
  using client = new RawClient(served.address);
  await client.call(getOrderBytes("a"));
  await client.call(getOrderBytes("a"), {
    metadata: { "x-correlation-id": "with blank" },
  });
  for (const id of seen) assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assertEquals(new Set(seen).size, 2);
});

Deno.test("traceparent reaches the handler only when it is valid", async () => {
  const seen: (string | undefined)[] = [];
  await using served = await startEdge((_request, context) => {
    seen.push(context.traceparent);
    return Promise.resolve(orderAnswer("x"));
  });
  using client = new RawClient(served.address);
  const valid = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  for (const traceparent of [valid, `00-${"0".repeat(32)}-x-01`]) {
    await client.call(getOrderBytes("a"), { metadata: { traceparent } });
  }
  assertEquals(seen, [valid, undefined]);
});

Deno.test("a refusal carries ErrorInfo, every violation, RetryInfo and the pushback trailer, and no initial metadata", async () => {
  await using served = await startEdge(() =>
    Promise.reject(
      new RpcError({
        code: status.RESOURCE_EXHAUSTED,
        reason: "OUTBOX_BACKLOG",
        message: "später \ud800 again",
        retryAfterMs: 1_500,
        violations: [
          { field: "items[0].qty", description: "must be 1 to 1,000,000" },
          { field: "currency", description: "missing", reason: "REQUIRED" },
        ],
        metadata: { limit: "10000" },
      }),
    )
  );
  using client = new RawClient(served.address);
  const { error, initial, trailer } = await client.call(getOrderBytes("a"), {
    metadata: { "x-correlation-id": "corr-2" },
  });
  assertEquals(error?.code, status.RESOURCE_EXHAUSTED);
  assertEquals(error?.reason, "OUTBOX_BACKLOG");
  assertEquals(error?.message, "später \ufffd again");
  assertEquals(error?.retryAfterMs, 1_500);
  assertEquals(error?.metadata, { limit: "10000" });
  assertEquals(error?.violations.map(({ field }) => field), [
    "items[0].qty",
    "currency",
  ]);
  assertEquals(trailer.get("grpc-retry-pushback-ms"), ["1500"]);
  assertEquals(trailer.get("x-correlation-id"), ["corr-2"]);
  assertEquals(
    initial,
    undefined,
    "initial metadata would keep clients from retrying",
  );
});

Deno.test("a known domain error is mapped, with its own code", async () => {
  class Missing extends Error {}
  await using served = await startEdge(() => Promise.reject(new Missing()), {
    errorToRpc: (error) =>
      error instanceof Missing
        ? new RpcError({
          code: status.NOT_FOUND,
          reason: "ORDER_NOT_FOUND",
          message: "no such order",
        })
        : undefined,
  });
  using client = new RawClient(served.address);
  const { error } = await client.call(getOrderBytes("a"));
  assertEquals([error?.code, error?.reason], [
    status.NOT_FOUND,
    "ORDER_NOT_FOUND",
  ]);
});

Deno.test("F57 a handler that throws at once or rejects gives INTERNAL without details, and a log line with the correlation id", async () => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  await using served = await startEdge(
    (request) => {
      if (request.orderId === "sync") throw new Error("secret /etc/passwd");
      return Promise.reject(new TypeError("secret too"));
    },
    {
      log: (_level, message, fields) => lines.push({ message, ...fields }),
    },
  );
  using client = new RawClient(served.address);
  for (const [index, id] of ["sync", "async"].entries()) {
    const outcome = await client.call(getOrderBytes(id), {
      metadata: { "x-correlation-id": `corr-${id}` },
    });
    assertEquals(outcome.code, status.INTERNAL);
    assertEquals(outcome.error?.reason, "INTERNAL");
    assertEquals(outcome.error?.message, "internal error");
    assertEquals(lines[index]?.["correlation_id"], `corr-${id}`);
    assertMatch(String(lines[index]?.["error"]), /secret/);
  }
  assertEquals(lines.length, 2);
});

Deno.test("F57 an error mapper that throws is INTERNAL as well", async () => {
  await using served = await startEdge(() => Promise.reject(new Error("a")), {
    errorToRpc: () => {
      throw new Error("b");
    },
  });
  using client = new RawClient(served.address);
  const { error } = await client.call(getOrderBytes("a"));
  assertEquals(error?.code, status.INTERNAL);
});

Deno.test("F57 a handler that never settles ends at the deadline, and stays counted until it settles", async () => {
  const settle = Promise.withResolvers<GetOrderResponse>();
  await using served = await startEdge(() => settle.promise);
  using client = new RawClient(served.address);
  const { edge } = served;
  const outcome = await callHandledWithin(
    client,
    "60m",
    () => edge.inflight === 1,
  );
  assertEquals(outcome.code, status.DEADLINE_EXCEEDED);
  assertEquals(outcome.error?.reason, "DEADLINE_EXCEEDED");
  assertEquals(served.edge.inflight, 1);
  settle.resolve(orderAnswer("late"));
  await until("no call in flight", () => served.edge.inflight === 0);
  assertEquals(served.edge.calls(), []);
});

Deno.test("each call is reported as started once and handled once", async () => {
  const events: string[] = [];
  const observer: GrpcObserver = {
    started: (method) => events.push(`started ${method.name} ${method.type}`),
    msgReceived: () => events.push("received"),
    msgSent: () => events.push("sent"),
    handled: (_method, code, seconds) => {
      assert(seconds >= 0 && seconds < 60);
      events.push(`handled ${status[code]}`);
    },
    refused: (cause) => events.push(`refused ${cause}`),
  };
  await using served = await startEdge(
    (request, context) =>
      request.orderId === "hang"
        ? whenAborted(context)
        : Promise.resolve(orderAnswer("a")),
    { observer },
  );
  using client = createOrderClient(served.address);
  await client.getOrder({ orderId: "a" });
  assertEquals(events.splice(0), [
    "started GetOrder unary",
    "received",
    "sent",
    "handled OK",
  ]);
  const abort = new AbortController();
  const call = client.getOrder({ orderId: "hang" }, { signal: abort.signal })
    .catch(() => {});
  await until("the handler runs", () => served.edge.inflight === 1);
  abort.abort();
  await call;
  await until("handled", () => events.length === 3);
  assertEquals(events, [
    "started GetOrder unary",
    "received",
    "handled CANCELLED",
  ]);
});

Deno.test("the order client decodes what a refusal says and gives the key on", async () => {
  const keys: unknown[] = [];
  await using served = await startEdge((_request, context) => {
    keys.push(...context.metadata.get("idempotency-key"));
    return Promise.reject(
      new RpcError({
        code: status.INVALID_ARGUMENT,
        reason: "VALIDATION",
        message: "1 violation",
        violations: [{ field: "order_id", description: "missing" }],
      }),
    );
  });
  using client = createOrderClient(served.address);
  const error = await client.getOrder({ orderId: "" }, {
    idempotencyKey: "key-1",
  }).catch((error) => error);
  assert(error instanceof RpcError);
  assertEquals([error.code, error.reason], [
    status.INVALID_ARGUMENT,
    "VALIDATION",
  ]);
  assertEquals(error.violations[0]?.field, "order_id");
  assertEquals(keys, ["key-1"]);
});

Deno.test("the order client repeats a call that was refused UNAVAILABLE, after the pushback", async () => {
  let calls = 0;
  await using served = await startEdge(() => {
    calls += 1;
    return calls < 3
      ? Promise.reject(
        new RpcError({
          code: status.UNAVAILABLE,
          reason: "STORE_UNAVAILABLE",
          message: "try again",
          retryAfterMs: 5,
        }),
      )
      : Promise.resolve(orderAnswer("third"));
  });
  using client = createOrderClient(served.address);
  const answer = await client.getOrder({ orderId: "a" });
  assertEquals(answer.order?.id, "third");
  assertEquals(calls, 3);
});

Deno.test("metadata of a call is the handler's own", async () => {
  await using served = await startEdge((_request, context) => {
    assert(context.metadata instanceof Metadata);
    return Promise.resolve(
      orderAnswer(context.metadata.get("x-one").join() + context.method.path),
    );
  });
  using client = createOrderClient(served.address);
  const answer = await client.getOrder({ orderId: "a" }, {
    metadata: { "x-one": "1" },
  });
  assertEquals(answer.order?.id, "1/oms.v1.OrderService/GetOrder");
});

/** Deadlines and cancels at the gRPC edge. */

import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import type { CallContext } from "../../../src/grpc/context.ts";
import { CallAbortedError } from "../../../src/grpc/errors.ts";
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

Deno.test("F51 a client's cancel aborts the handler's signal", async () => {
  const reason = Promise.withResolvers<unknown>();
  await using served = await startEdge((_request, context) => {
    context.signal.addEventListener(
      "abort",
      () => reason.resolve(context.signal.reason),
    );
    return whenAborted(context);
  });
  using client = createOrderClient(served.address);
  const abort = new AbortController();
  const call = client.getOrder({ orderId: "a" }, { signal: abort.signal });
  await until("the handler runs", () => served.edge.inflight === 1);
  abort.abort(new Error("mine"));
  const thrown = await call.catch((error) => error);
  assertEquals(thrown.message, "mine");
  const why = await reason.promise;
  assert(why instanceof CallAbortedError);
  assertEquals([why.name, why.why], ["AbortError", "client_gone"]);
  await until("no call in flight", () => served.edge.inflight === 0);
});

Deno.test("F51 the deadline reaches the handler, and its passing aborts the signal", async () => {
  const seen = Promise.withResolvers<unknown>();
  let left: number | undefined;
  await using served = await startEdge(async (_request, context) => {
    left = context.deadline?.remaining();
    const reason = await whenAborted(context).catch((error) => error);
    seen.resolve(reason);
    throw reason;
  });
  using client = new RawClient(served.address);
  const { code } = await callHandledWithin(
    client,
    "80m",
    () => left !== undefined && left > 0,
  );
  assertEquals(code, status.DEADLINE_EXCEEDED);
  const reason = await seen.promise;
  assert(left !== undefined && left <= 80, `left: ${left}`);
  assert(reason instanceof CallAbortedError);
  assertEquals(reason.why, "deadline");
});

for (const timeout of ["2147484S", "99999999H", "600H", "35792M"]) {
  Deno.test(`F51 grpc-timeout ${timeout} is a long deadline`, async () => {
    await using served = await startEdge(async (_request, context) => {
      // A timer that overflowed fires after 1 ms: it must have had the time.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return orderAnswer(String(context.deadline?.remaining()));
    });
    using client = new RawClient(served.address);
    const { code, response } = await client.call(getOrderBytes("a"), {
      metadata: { "grpc-timeout": timeout },
    });
    assertEquals(code, status.OK);
    assert(response !== undefined);
    const left = Number(GetOrderResponse.decode(response).order?.id);
    assert(left > 2_147_000_000, `${left} ms left`);
  });
}

Deno.test("F51 grpc-timeout 1n is exceeded at once", async () => {
  await using served = await startEdge((_request, context) =>
    whenAborted(context)
  );
  using client = new RawClient(served.address);
  const { code } = await client.call(getOrderBytes("a"), {
    metadata: { "grpc-timeout": "1n" },
  });
  assertEquals(code, status.DEADLINE_EXCEEDED);
});

for (const timeout of ["soon", "1", "-1S", "1.5S", "123456789m", "1 S"]) {
  Deno.test(`F51 grpc-timeout "${timeout}" is refused`, async () => {
    let ran = false;
    await using served = await startEdge(() => {
      ran = true;
      return Promise.resolve(orderAnswer("a"));
    });
    using client = new RawClient(served.address);
    const { error, trailer } = await client.call(getOrderBytes("a"), {
      metadata: { "grpc-timeout": timeout },
    });
    assertEquals([error?.code, error?.reason], [
      status.INTERNAL,
      "GRPC_TIMEOUT_INVALID",
    ]);
    assertEquals(trailer.get("x-correlation-id").length, 1);
    assertEquals(ran, false);
  });
}

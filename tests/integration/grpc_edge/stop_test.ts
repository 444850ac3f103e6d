/** The stop of the gRPC edge, as its clients see it. */

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { status } from "@grpc/grpc-js";

import { createOrderClient } from "../../../src/grpc/client.ts";
import { RpcError } from "../../../src/grpc/errors.ts";

import { GetOrderResponse } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { AwakeTime } from "../../support/awake_time.ts";
import {
  callHandledWithin,
  gate,
  getOrderBytes,
  orderAnswer,
  RawClient,
  startEdge,
} from "../../support/grpc_client.ts";
import { FrameType, RawConnection } from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";

const never = new AbortController().signal;

Deno.test("F03 a stop under 32 concurrent calls: all that run end OK, later ones UNAVAILABLE, none CANCELLED", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(handler);
  using first = new RawClient(served.address);
  using second = new RawClient(served.address);
  const running = Array.from(
    { length: 32 },
    (_, i) => (i % 2 ? first : second).call(getOrderBytes(`ord_${i}`)),
  );
  await until("32 in flight", () => served.edge.inflight === 32);
  using idle = await RawConnection.open(served.host, served.port);
  idle.greet();
  const stop = served.edge.stopGracefully(never);
  // With the second GOAWAY: it has no call.
  await idle.closed;
  const later = await Promise.all(
    [first, second].map((client) => client.call(getOrderBytes("late"))),
  );
  open();
  const outcomes = await Promise.all(running);
  await stop;
  assertEquals(outcomes.map(({ code }) => code), Array(32).fill(status.OK));
  for (const [i, { response }] of outcomes.entries()) {
    assert(response !== undefined);
    assertEquals(GetOrderResponse.decode(response).order?.id, `ord_${i}`);
  }
  assertEquals(later.map(({ code }) => code), [
    status.UNAVAILABLE,
    status.UNAVAILABLE,
  ]);
  assertEquals(served.edge.connections().open, 0);
});

Deno.test("F03 calls that keep coming over the stop end OK or UNAVAILABLE, nothing else", async () => {
  await using served = await startEdge(async ({ orderId }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return orderAnswer(orderId);
  });
  const codes = new Map<number, number>();
  let stopped = false;
  const callers = Array.from({ length: 8 }, async () => {
    using client = new RawClient(served.address);
    for (let after = 0; after < 3;) {
      const { code } = await client.call(getOrderBytes("a"));
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (stopped) after += 1;
    }
  });
  await until("200 calls", () => (codes.get(status.OK) ?? 0) > 200);
  await served.edge.stopGracefully(never);
  stopped = true;
  await Promise.all(callers);
  assertEquals([...codes.keys()].sort(), [status.OK, status.UNAVAILABLE]);
});

Deno.test("F03 forced: what runs is answered UNAVAILABLE with details, its signal aborted, and named", async () => {
  const reasons: unknown[] = [];
  await using served = await startEdge((_request, context) => {
    context.signal.addEventListener(
      "abort",
      () => reasons.push(context.signal.reason.why),
    );
    return new Promise(() => {});
  });
  using client = new RawClient(served.address);
  const running = Array.from(
    { length: 32 },
    (_, i) =>
      client.call(getOrderBytes("a"), {
        metadata: { "x-correlation-id": `corr-${i}` },
      }),
  );
  await until("32 in flight", () => served.edge.inflight === 32);
  const budget = new AbortController();
  const graceful = served.edge.stopGracefully(budget.signal);
  budget.abort(new Error("out of time"));
  await assertRejects(() => graceful, Error, "out of time");
  using time = new AwakeTime();
  const cut = await served.edge.force();
  assertLess(time.ms, 250, "an end-action has 250 ms");
  const outcomes = await Promise.all(running);
  for (const { code, error, trailer } of outcomes) {
    assertEquals(code, status.UNAVAILABLE);
    assertEquals(error?.reason, "SERVER_STOPPING");
    assertEquals(trailer.get("grpc-retry-pushback-ms"), ["250"]);
  }
  assertEquals(reasons, Array(32).fill("forced"));
  assertEquals(cut.length, 32);
  assertEquals(cut[0]?.method, "oms.v1.OrderService/GetOrder");
  assertEquals(
    new Set(cut.map(({ correlationId }) => correlationId)).size,
    32,
  );
  assertEquals(served.edge.connections().open, 0);
});

Deno.test("a handler that answers after the force changes nothing", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(handler);
  using client = new RawClient(served.address);
  const call = client.call(getOrderBytes("a"));
  await until("in flight", () => served.edge.inflight === 1);
  await served.edge.force();
  assertEquals((await call).code, status.UNAVAILABLE);
  open();
  await until("settled", () => served.edge.inflight === 0);
});

Deno.test("the stop waits for a handler whose deadline has passed", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(handler);
  using client = new RawClient(served.address);
  const { edge } = served;
  const { code } = await callHandledWithin(
    client,
    "20m",
    () => edge.inflight === 1,
  );
  assertEquals(code, status.DEADLINE_EXCEEDED);
  let stopped = false;
  const stop = served.edge.stopGracefully(never).then(() => stopped = true);
  await until(
    "no connection left",
    () => served.edge.connections().open === 0,
  );
  assertEquals([stopped, served.edge.inflight], [false, 1]);
  open();
  await stop;
  assertEquals(served.edge.inflight, 0);
});

Deno.test("lame duck: connections are asked to move in turn over the last half, and all is served meanwhile", async () => {
  await using served = await startEdge(({ orderId }) =>
    Promise.resolve(orderAnswer(orderId))
  );
  const peers: RawConnection[] = [];
  try {
    for (let i = 0; i < 4; i++) {
      const peer = await RawConnection.open(served.host, served.port);
      peer.greet();
      peers.push(peer);
    }
    const drained = () =>
      peers.filter((peer) =>
        peer.frames().some(({ type }) => type === FrameType.goaway)
      ).length;
    await until("four sessions", () => served.edge.connections().waiting === 0);
    served.edge.setServing(false);
    const counts: number[] = [];
    const started = performance.now();
    using awake = new AwakeTime();
    const lameDuck = served.edge.drainConnections(400, never);
    await until("the first moves", () => drained() > 0);
    counts.push(drained());
    using client = createOrderClient(served.address);
    assertEquals(
      (await client.getOrder({ orderId: "new" })).order?.id,
      "new",
    );
    await lameDuck;
    await until("the last moves", () => drained() === 4);
    // After a pause of the machine the turns of all have come.
    const paused = performance.now() - started > awake.ms + 50;
    assert(paused || (counts[0] ?? 4) < 4, "not all at once");
  } finally {
    for (const peer of peers) peer[Symbol.dispose]();
  }
});

Deno.test("lame duck: it lasts as long without a connection: one may still come", async () => {
  await using served = await startEdge(() => Promise.resolve(orderAnswer("a")));
  const lameDuckMs = 200;
  const started = performance.now();
  await served.edge.drainConnections(lameDuckMs, never);
  const lasted = performance.now() - started;
  // Timers are whole milliseconds, and there are two of them.
  assert(lasted >= lameDuckMs - 2, `${lasted} ms`);
});

Deno.test("lame duck: an abort ends the wait", async () => {
  await using served = await startEdge(() => Promise.resolve(orderAnswer("a")));
  const abort = new AbortController();
  const lameDuck = served.edge.drainConnections(60_000, abort.signal);
  abort.abort(new Error("enough"));
  await assertRejects(() => lameDuck, Error, "enough");
});

Deno.test("a connection that has reached its age is drained; its calls end OK or UNAVAILABLE", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(
    (request, context) =>
      request.orderId === "hang"
        ? new Promise(() => {})
        : handler(request, context),
    { limits: { maxConnectionAgeMs: 50, maxConnectionAgeGraceMs: 150 } },
  );
  using client = new RawClient(served.address);
  const good = client.call(getOrderBytes("good"));
  const hanging = client.call(getOrderBytes("hang"));
  await until("both run", () => served.edge.inflight === 2);
  open();
  assertEquals((await good).code, status.OK);
  const { code, error } = await hanging;
  assertEquals([code, error?.reason], [
    status.UNAVAILABLE,
    "CONNECTION_TOO_OLD",
  ]);
  await until("closed", () => served.edge.connections().open === 0);
});

Deno.test("stopping twice, and forcing a stopped edge, is harmless; a call then is UNAVAILABLE", async () => {
  await using served = await startEdge(() => Promise.resolve(orderAnswer("a")));
  using client = new RawClient(served.address);
  assertEquals((await client.call(getOrderBytes("a"))).code, status.OK);
  await Promise.all([
    served.edge.stopGracefully(never),
    served.edge.stopGracefully(never),
  ]);
  assertEquals(await served.edge.force(), []);
  const { code, error } = await client.call(getOrderBytes("a"));
  assertEquals(code, status.UNAVAILABLE);
  assert(error instanceof RpcError);
});

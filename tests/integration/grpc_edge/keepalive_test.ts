/** Pings to a connection, and what they must not do to one that is closing. */

import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import {
  gate,
  GET_ORDER,
  getOrderBytes,
  orderAnswer,
  RawClient,
  startEdge,
  type TestEdge,
} from "../../support/grpc_client.ts";
import {
  Flag,
  frame,
  FrameType,
  RawConnection,
} from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";

const never = new AbortController().signal;
const KEEPALIVE = { keepaliveTimeMs: 50, keepaliveTimeoutMs: 10_000 };

/** How many pings came. */
const pings = (peer: RawConnection) =>
  peer.frames().filter(({ type, flags }) =>
    type === FrameType.ping && flags === 0
  ).length;

/** A peer that answers every ping. */
async function livePeer(served: TestEdge): Promise<RawConnection> {
  const peer = await RawConnection.open(served.host, served.port);
  peer.greet();
  let answered = 0;
  peer.socket.on("data", () => {
    for (; answered < pings(peer); answered++) {
      peer.send(frame(FrameType.ping, Flag.ack, 0, Buffer.alloc(8)));
    }
  });
  return peer;
}

/** Resolves when a connection that opens now has been pinged three times. */
async function threeTicks(): Promise<void> {
  await using clock = await startEdge(
    () => Promise.reject(new Error("not called")),
    { limits: KEEPALIVE },
  );
  using peer = await livePeer(clock);
  await until("three pings", () => pings(peer) >= 3);
}

Deno.test("F71 a call that outlives the stop's GOAWAY by three keepalive ticks ends OK", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(handler, { limits: KEEPALIVE });
  using client = new RawClient(served.address);
  using idle = await livePeer(served);
  const running = client.call(getOrderBytes("slow"));
  await until("in flight", () => served.edge.inflight === 1);
  const stop = served.edge.stopGracefully(never);
  await idle.closed;
  await threeTicks();
  open();
  assertEquals((await running).code, status.OK);
  await stop;
});

Deno.test("F71 a call that outlives its connection's age by three keepalive ticks ends OK", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(handler, {
    limits: {
      ...KEEPALIVE,
      maxConnectionAgeMs: 50,
      maxConnectionAgeGraceMs: 60_000,
    },
  });
  using client = new RawClient(served.address);
  using idle = await livePeer(served);
  const running = client.call(getOrderBytes("slow"));
  await until("in flight", () => served.edge.inflight === 1);
  await idle.closed;
  await threeTicks();
  open();
  assertEquals((await running).code, status.OK);
});

Deno.test("F71 a Watch ends UNAVAILABLE at the end of its connection's age, pings notwithstanding", async () => {
  await using served = await startEdge(
    () => Promise.resolve(orderAnswer("a")),
    {
      limits: {
        ...KEEPALIVE,
        maxConnectionAgeMs: 50,
        maxConnectionAgeGraceMs: 400,
      },
    },
  );
  using client = new RawClient(served.address);
  const watch = client.client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    Buffer.alloc(0),
  );
  let seen = 0;
  watch.on("data", () => seen++);
  const code = await new Promise((resolve) =>
    watch.on("error", (error: { code?: number }) => resolve(error.code))
  );
  assertEquals([seen, code], [1, status.UNAVAILABLE]);
});

Deno.test("F71 a call on a connection that its client has closed ends OK after three keepalive ticks", async () => {
  const { open, handler } = gate();
  await using served = await startEdge(handler, { limits: KEEPALIVE });
  using peer = await livePeer(served);
  peer.call(1, GET_ORDER, getOrderBytes("slow"));
  await until("in flight", () => served.edge.inflight === 1);
  // NO_ERROR, no stream of the server's.
  peer.send(frame(FrameType.goaway, 0, 0, Buffer.alloc(8)));
  await threeTicks();
  open();
  await peer.closed;
  const data = peer.frames().filter(({ type }) => type === FrameType.data);
  assertEquals(data.length, 1, "the answer");
});

Deno.test("F71 a peer that answers no ping is taken for dead; one that does is kept", async () => {
  const why: unknown[] = [];
  await using served = await startEdge(
    (_request, context) => {
      context.signal.addEventListener(
        "abort",
        () => why.push(context.signal.reason.why),
      );
      return new Promise(() => {});
    },
    { limits: { keepaliveTimeMs: 50, keepaliveTimeoutMs: 1_000 } },
  );
  using live = await livePeer(served);
  using dead = await RawConnection.open(served.host, served.port);
  dead.greet();
  dead.call(1, GET_ORDER, getOrderBytes("a"));
  await dead.closed;
  assertEquals(pings(dead), 1);
  await until("its call is aborted", () => why.length > 0);
  assertEquals(why, ["client_gone"]);
  const before = pings(live);
  assert(before > 1);
  await until("one more ping", () => pings(live) > before);
});

Deno.test("F71 a peer that dies after the age's GOAWAY is dropped at the end of the grace", async () => {
  await using served = await startEdge(
    () => new Promise(() => {}),
    {
      limits: {
        keepaliveTimeMs: 60_000,
        maxConnectionAgeMs: 50,
        maxConnectionAgeGraceMs: 100,
      },
    },
  );
  using dead = await RawConnection.open(served.host, served.port);
  dead.greet();
  dead.call(1, GET_ORDER, getOrderBytes("a"));
  await until("in flight", () => served.edge.inflight === 1);
  dead.socket.pause();
  await until("dropped", () => served.edge.connections().open === 0);
});

/** GOAWAY in two phases: what comes between them is served, and no frame is torn by the first. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { Connections } from "../../../src/grpc/connections.ts";
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
  PREFACE,
  RawConnection,
  type Received,
} from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";

const never = new AbortController().signal;
const GREATEST = 2 ** 31 - 1;
/** The second GOAWAY does not come by itself. */
const LONG_NOTICE = { limits: { goawayNoticeMs: 60_000 } };
const NO_NOTICE = { limits: { goawayNoticeMs: 0 } };

const echo = ({ orderId }: { orderId: string }) =>
  Promise.resolve(orderAnswer(orderId));

const answered = (peer: RawConnection, stream: number) =>
  peer.frames().some((each) =>
    each.stream === stream && (each.flags & Flag.endStream) !== 0
  );

/** Begins the stop, does what is given amidst the notice, and ends it by force. */
async function amidstNotice(
  served: TestEdge,
  run: () => Promise<void>,
): Promise<void> {
  const notice = new AbortController();
  const stop = served.edge.stopGracefully(notice.signal);
  await run();
  notice.abort(new Error("the notice is over"));
  await assertRejects(() => stop, Error, "the notice is over");
  await served.edge.force();
}

Deno.test("F72 a call that comes after the first GOAWAY is served", async () => {
  await using served = await startEdge(echo, LONG_NOTICE);
  using peer = await RawConnection.open(served.host, served.port);
  peer.greet();
  peer.call(1, GET_ORDER, getOrderBytes("before"));
  await until("the answer", () => answered(peer, 1));
  await amidstNotice(served, async () => {
    await until("the first GOAWAY", () => peer.lastStreams().length > 0);
    peer.call(3, GET_ORDER, getOrderBytes("amidst"));
    await until("its answer", () => answered(peer, 3));
  });
  await peer.closed;
  assertEquals(peer.lastStreams(), [GREATEST, 3]);
});

Deno.test("F03 F72 a call that comes after the second GOAWAY reaches no handler", async () => {
  const { open, handler } = gate();
  const asked: string[] = [];
  await using served = await startEdge((request, context) => {
    asked.push(request.orderId);
    return handler(request, context);
  }, NO_NOTICE);
  using peer = await RawConnection.open(served.host, served.port);
  peer.greet();
  peer.call(1, GET_ORDER, getOrderBytes("before"));
  await until("in flight", () => served.edge.inflight === 1);
  const stop = served.edge.stopGracefully(never);
  await until("both", () => peer.lastStreams().length === 2);
  peer.call(3, GET_ORDER, getOrderBytes("after"));
  // A ping behind the call: when its answer is here, the call has been looked at.
  peer.send(frame(FrameType.ping, 0, 0, new Uint8Array(8)));
  await until(
    "the ping's answer",
    () => peer.frames().some(({ type }) => type === FrameType.ping),
  );
  open();
  await stop;
  assertEquals(asked, ["before"]);
  assertEquals(peer.lastStreams(), [GREATEST, 1]);
});

Deno.test("F72 a connection whose preface comes after the stop has begun is served, and told", async () => {
  await using served = await startEdge(echo, LONG_NOTICE);
  using peer = await RawConnection.open(served.host, served.port);
  peer.send(PREFACE.subarray(0, 10));
  await until("accepted", () => served.edge.connections().waiting === 1);
  await amidstNotice(served, async () => {
    peer.send(PREFACE.subarray(10), frame(FrameType.settings, 0, 0));
    peer.call(1, GET_ORDER, getOrderBytes("late"));
    await until("its answer", () => answered(peer, 1));
  });
  await peer.closed;
  const [first] = peer.frames();
  assertEquals(first?.type, FrameType.settings, "settings come first");
  assertEquals(peer.lastStreams(), [GREATEST, 1]);
});

Deno.test("F72 a connection that sends no preface gets settings and GOAWAY, and is closed without a reset", async () => {
  await using served = await startEdge(echo, NO_NOTICE);
  using silent = await RawConnection.open(served.host, served.port);
  using half = await RawConnection.open(served.host, served.port);
  half.send(PREFACE.subarray(0, 10));
  await until("accepted", () => served.edge.connections().waiting === 2);
  const peers = [silent, half];
  const ends = peers.map(({ socket }) =>
    new Promise((resolve) => {
      socket.once("end", () => resolve("end"));
      socket.once("error", resolve);
    })
  );
  await served.edge.stopGracefully(never);
  assertEquals(await Promise.all(ends), ["end", "end"]);
  for (const peer of peers) {
    assertEquals(peer.frames().map(({ type }) => type), [
      FrameType.settings,
      FrameType.goaway,
    ]);
    assertEquals(peer.lastStreams(), [0]);
  }
});

Deno.test("F72 the notice is skipped where nobody is connected, and over once all have left", async () => {
  await using nobody = await startEdge(echo, LONG_NOTICE);
  await nobody.edge.stopGracefully(never);
  await using somebody = await startEdge(echo, LONG_NOTICE);
  using client = new RawClient(somebody.address);
  assertEquals((await client.call(getOrderBytes("a"))).code, status.OK);
  await somebody.edge.stopGracefully(never);
});

/** Frames of a header block are not to be parted; every frame is of a type that is served. */
function assertWhole(frames: readonly Received[], bytes: number): void {
  const types = Object.values<number>(FrameType);
  let open: number | undefined;
  for (const { type, flags, stream } of frames) {
    assert(types.includes(type), `a frame of type ${type}`);
    if (open !== undefined) {
      assertEquals([type, stream], [FrameType.continuation, open]);
    }
    const block = type === FrameType.headers || type === FrameType.continuation;
    const parted = block && (flags & Flag.endHeaders) === 0;
    open = parted ? stream : undefined;
  }
  const read = frames.reduce((sum, { payload }) => sum + 9 + payload.length, 0);
  assertEquals(read, bytes, "no frame is cut off");
}

/** Connections over a plain HTTP/2 server, whose answers may have header blocks beyond one frame. */
async function startPlain(
  answer: (stream: ServerHttp2Stream) => void,
): Promise<Connections & { port: number }> {
  const http2Server = createServer();
  http2Server.on("stream", answer);
  const connections = new Connections(
    http2Server,
    (socket) => http2Server.emit("connection", socket),
    () => {},
    {
      firstBytesMs: 10_000,
      maxConnections: 100,
      maxConnectionAgeMs: 60_000,
      maxConnectionAgeGraceMs: 60_000,
      goawayNoticeMs: 150,
      keepaliveTimeMs: 60_000,
      keepaliveTimeoutMs: 60_000,
    },
    () => {},
  );
  const { port } = await connections.listener.listen({
    host: "127.0.0.1",
    port: 0,
  });
  return Object.assign(connections, { port });
}

Deno.test("F72 the first GOAWAY parts no frames: header blocks of 40 kB, answers of 1 MB, slow readers", async () => {
  const filler = "~".repeat(40_000);
  const body = Buffer.alloc(1_000_000, 1);
  const connections = await startPlain((stream) => {
    stream.respond({ ":status": 200, filler });
    stream.end(body);
  });
  const peers = await Promise.all(
    Array.from({ length: 8 }, async (_, peerNo) => {
      const peer = await RawConnection.open("127.0.0.1", connections.port);
      // INITIAL_WINDOW_SIZE, and the connection's window to match.
      const window = new Uint8Array([0, 4, 0x7f, 0xff, 0xff, 0xff]);
      const more = new Uint8Array([0x7f, 0, 0, 0]);
      peer.send(PREFACE, frame(FrameType.settings, 0, 0, window));
      peer.send(frame(FrameType.windowUpdate, 0, 0, more));
      if (peerNo % 2 === 1) peer.socket.pause();
      return peer;
    }),
  );
  let ended = false;
  const flood = Promise.all(peers.map(async (peer) => {
    for (let stream = 1; !ended; stream += 2) {
      peer.call(stream, GET_ORDER, getOrderBytes("big"));
      await until(
        "an answer, or the end",
        () => ended || answered(peer, stream),
      );
    }
  }));
  await connections.drainSpread(400, never);
  ended = true;
  await flood;
  for (const peer of peers) peer.socket.resume();
  await Promise.all(peers.map(({ closed }) => closed));
  for (const peer of peers) {
    const frames = peer.frames();
    assertWhole(frames, peer.bytes.length);
    const parts = frames.filter(({ type }) => type === FrameType.continuation);
    assert(parts.length > 0, "no header block was in parts");
    assertEquals(peer.lastStreams().length, 2);
    assertEquals(peer.lastStreams()[0], GREATEST);
    peer[Symbol.dispose]();
  }
  await connections.listener.close();
  connections[Symbol.dispose]();
});

Deno.test("F72 clients whose connections are drained amidst answers of 1 MB have no call failed", async () => {
  await using served = await startEdge(() =>
    Promise.resolve(orderAnswer("z".repeat(1_000_000)))
  );
  const codes = new Set<number>();
  let ended = false;
  const callers = Array.from({ length: 4 }, async () => {
    using client = new RawClient(served.address);
    while (!ended) {
      const calls = [0, 1, 2].map(() => client.call(getOrderBytes("a")));
      for (const { code } of await Promise.all(calls)) codes.add(code);
    }
  });
  for (let i = 0; i < 5; i++) {
    await served.edge.drainConnections(200, never);
  }
  ended = true;
  await Promise.all(callers);
  assertEquals([...codes], [status.OK]);
});

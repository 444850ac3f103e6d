/** Clients that are silent, slow or only listening, and the stop. */

import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { type ClientReadableStream, status } from "@grpc/grpc-js";
import { connect } from "node:net";

import { noObserver } from "../../../src/grpc/observer.ts";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService,
} from "../../../src/grpc/gen/grpc/health/v1/health.ts";
import {
  ServerReflectionRequest,
  ServerReflectionService,
} from "../../../src/grpc/gen/grpc/reflection/v1/reflection.ts";

import { AwakeTime } from "../../support/awake_time.ts";
import {
  GET_ORDER,
  getOrderBytes,
  orderAnswer,
  RawClient,
  startEdge,
} from "../../support/grpc_client.ts";
import {
  Flag,
  frame,
  FrameType,
  grpcHeaders,
  grpcMessage,
  headerBlock,
  RawConnection,
} from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";

const never = new AbortController().signal;

interface Watched {
  readonly statuses: ServingStatus[];
  readonly ended: Promise<number>;
}

function watch(client: RawClient, service = ""): Watched {
  const method = HealthService.watch;
  const stream: ClientReadableStream<HealthCheckResponse> = client.client
    .makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      HealthCheckRequest.fromPartial({ service }),
    );
  const statuses: ServingStatus[] = [];
  stream.on("data", (response) => statuses.push(response.status));
  stream.on("error", () => {
    // Its code is in the status event.
  });
  return {
    statuses,
    ended: new Promise((resolve) =>
      stream.on("status", ({ code }) => resolve(code))
    ),
  };
}

Deno.test("F50 a Watch gets NOT_SERVING, then ends UNAVAILABLE; open reflection streams end too", async () => {
  await using served = await startEdge(() => Promise.resolve(orderAnswer("a")));
  using client = new RawClient(served.address);
  const all = watch(client);
  const orders = watch(client, "oms.v1.OrderService");
  const unknown = watch(client, "nobody");
  const method = ServerReflectionService.serverReflectionInfo;
  const reflection = client.client.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
  );
  const reflected = Promise.withResolvers<number>();
  let answers = 0;
  reflection.on("data", () => answers += 1);
  reflection.on("error", () => {
    // Its code is in the status event.
  });
  reflection.on("status", ({ code }) => reflected.resolve(code));
  reflection.write(ServerReflectionRequest.fromPartial({ listServices: "*" }));
  await until(
    "all streams open",
    () =>
      answers === 1 &&
      [all, orders, unknown].every(({ statuses }) => statuses.length === 1),
  );
  using time = new AwakeTime();
  await served.edge.stopGracefully(never);
  assertLess(time.ms, 500, "they are ended, not waited for");
  assertEquals(await reflected.promise, status.UNAVAILABLE);
  for (const { ended } of [all, orders, unknown]) {
    assertEquals(await ended, status.UNAVAILABLE);
  }
  const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;
  assertEquals(all.statuses, [SERVING, NOT_SERVING]);
  assertEquals(orders.statuses, [SERVING, NOT_SERVING]);
  assertEquals(unknown.statuses, [SERVICE_UNKNOWN]);
});

Deno.test("F50 raw connections without a preface do not delay the stop", async () => {
  await using served = await startEdge(() => Promise.resolve(orderAnswer("a")));
  using silent = await RawConnection.open(served.host, served.port);
  using slow = await RawConnection.open(served.host, served.port);
  slow.socket.write("PRI * HT");
  await until(
    "both are waited for",
    () => served.edge.connections().waiting === 2,
  );
  using time = new AwakeTime();
  await served.edge.stopGracefully(never);
  assertLess(time.ms, 250);
  await Promise.all([silent.closed, slow.closed]);
});

Deno.test("F50 a connection that sends no preface in time is closed, a slow one as well", async () => {
  await using served = await startEdge(
    () => Promise.resolve(orderAnswer("a")),
    { limits: { firstBytesMs: 60 } },
  );
  using silent = await RawConnection.open(served.host, served.port);
  using slow = await RawConnection.open(served.host, served.port);
  slow.socket.write("P");
  await Promise.all([silent.closed, slow.closed]);
  await until("all are gone", () => served.edge.connections().open === 0);
  assertEquals(served.edge.connections().silent, 2);
});

Deno.test("F50 a preface in pieces is served", async () => {
  await using served = await startEdge(() => Promise.resolve(orderAnswer("a")));
  const path = connect({ host: served.host, port: served.port });
  path.destroy();
  using raw = await RawConnection.open(served.host, served.port);
  raw.send(new TextEncoder().encode("PRI * HTTP/2.0\r\n"));
  await until("it is waited for", () => served.edge.connections().waiting > 0);
  raw.send(
    new TextEncoder().encode("\r\nSM\r\n\r\n"),
    frame(FrameType.settings, 0, 0),
  );
  await until(
    "settings came",
    () => raw.frames().some(({ type }) => type === FrameType.settings),
  );
});

Deno.test("F50 a request whose body never comes is answered UNAVAILABLE and delays the stop by its grace only", async () => {
  await using served = await startEdge(
    () => Promise.resolve(orderAnswer("a")),
    { limits: { receiveGraceMs: 50, flushMs: 10_000 } },
  );
  using raw = await RawConnection.open(served.host, served.port);
  raw.greet();
  raw.send(frame(
    FrameType.headers,
    Flag.endHeaders,
    1,
    headerBlock(grpcHeaders(GET_ORDER)),
  ));
  await until("the call is open", () => served.edge.calls().length === 1);
  assertEquals(served.edge.calls()[0]?.state, "receiving");
  using time = new AwakeTime();
  const stop = served.edge.stopGracefully(never);
  await until(
    "it is answered",
    () => raw.frames().some(({ type }) => type === FrameType.headers),
  );
  raw[Symbol.dispose]();
  await stop;
  assertLess(time.ms, 500);
});

Deno.test("F50 a client that stops reading delays the stop by the flush time only, and grows no queue", async () => {
  const big = "x".repeat(400_000);
  await using served = await startEdge(
    () => Promise.resolve(orderAnswer(big)),
    { limits: { flushMs: 100 } },
  );
  using raw = await RawConnection.open(served.host, served.port);
  raw.socket.pause();
  raw.greet();
  const ids = [1, 3, 5, 7];
  for (const id of ids) {
    raw.send(
      frame(
        FrameType.headers,
        Flag.endHeaders,
        id,
        headerBlock(grpcHeaders(GET_ORDER)),
      ),
      frame(
        FrameType.data,
        Flag.endStream,
        id,
        grpcMessage(getOrderBytes("a")),
      ),
    );
  }
  // Health.Watch: each change would be a message more.
  const watched = HealthCheckRequest.encode({ service: "" }).finish();
  raw.send(
    frame(
      FrameType.headers,
      Flag.endHeaders,
      9,
      headerBlock(grpcHeaders(HealthService.watch.path)),
    ),
    frame(FrameType.data, Flag.endStream, 9, grpcMessage(watched)),
  );
  await until(
    "all answered",
    () =>
      served.edge.calls().length === 5 &&
      served.edge.calls().filter((c) => c.state === "answering").length === 4,
  );
  for (let i = 0; i < 10_000; i++) served.edge.setServing(i % 2 === 0);
  const started = performance.now();
  using awake = new AwakeTime();
  await served.edge.stopGracefully(never);
  assertGreaterOrEqual(performance.now() - started, 90);
  assertLess(awake.ms, 600);
  assertEquals(served.edge.connections().open, 0);
});

Deno.test("F50 an answer that is not read is never turned into a failure by the force", async () => {
  const codes: string[] = [];
  await using served = await startEdge(
    () => Promise.resolve(orderAnswer("x".repeat(400_000))),
    {
      observer: {
        ...noObserver,
        handled: (_method, code) => codes.push(status[code]),
      },
    },
  );
  using raw = await RawConnection.open(served.host, served.port);
  raw.socket.pause();
  raw.greet();
  raw.send(
    frame(
      FrameType.headers,
      Flag.endHeaders,
      1,
      headerBlock(grpcHeaders(GET_ORDER)),
    ),
    frame(FrameType.data, Flag.endStream, 1, grpcMessage(getOrderBytes("a"))),
  );
  await until(
    "it is answered",
    () => served.edge.calls()[0]?.state === "answering",
  );
  assertEquals(await served.edge.force(), []);
  await until("it is over", () => served.edge.calls().length === 0);
  assertEquals(codes, ["OK"]);
});

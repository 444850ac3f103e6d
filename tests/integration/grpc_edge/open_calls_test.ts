/** More calls than the edge takes, and calls whose deadline has passed: turned away before anything is done. */

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { credentials, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { noObserver } from "../../../src/grpc/observer.ts";
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthClient,
} from "../../../src/grpc/gen/grpc/health/v1/health.ts";
import {
  gate,
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

function check(address: string): Promise<ServingStatus> {
  const client = new HealthClient(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  return new Promise<ServingStatus>((resolve, reject) =>
    client.check(
      { service: "" },
      (error, response) => error ? reject(error) : resolve(response.status),
    )
  ).finally(() => client.close());
}

/** Observes refusals alone. */
function refusals() {
  const causes: string[] = [];
  const observer = {
    ...noObserver,
    refused: (cause: string) => void causes.push(cause),
  };
  return { causes, observer };
}

Deno.test("F74 one call too many is RESOURCE_EXHAUSTED with RetryInfo and pushback; health is answered, room comes back", async () => {
  const { open, handler } = gate();
  const { causes, observer } = refusals();
  await using served = await startEdge(handler, {
    observer,
    limits: { maxOpenCalls: 2 },
  });
  using client = new RawClient(served.address);
  const running = [
    client.call(getOrderBytes("a")),
    client.call(getOrderBytes("b")),
  ];
  await until("two calls run", () => served.edge.inflight === 2);

  const { code, error, trailer } = await client.call(getOrderBytes("c"));
  assertEquals(code, status.RESOURCE_EXHAUSTED);
  assertEquals(error?.reason, "TOO_MANY_CALLS");
  assertEquals(error?.retryAfterMs, 1_000);
  assertEquals(trailer.get("grpc-retry-pushback-ms"), ["1000"]);
  assertEquals(causes, ["too_many"]);
  assertEquals(await check(served.address), ServingStatus.SERVING);

  open();
  for (const call of running) assertEquals((await call).code, status.OK);
  assertEquals((await client.call(getOrderBytes("d"))).code, status.OK);
  assertEquals(causes, ["too_many"]);
});

Deno.test("F74 calls that come in one piece run no more at once than they may", async () => {
  const calls = 40;
  const most = 5;
  const { open, handler } = gate();
  const { causes, observer } = refusals();
  await using served = await startEdge(handler, {
    observer,
    limits: { maxOpenCalls: most },
  });
  using raw = await RawConnection.open(served.host, served.port);
  raw.greet();
  const block = headerBlock(grpcHeaders(GET_ORDER));
  const message = grpcMessage(getOrderBytes("a"));
  // All headers before the first message: each passes while none runs.
  const ids = Array.from({ length: calls }, (_, nth) => 1 + 2 * nth);
  raw.send(
    ...ids.map((id) => frame(FrameType.headers, Flag.endHeaders, id, block)),
  );
  raw.send(
    ...ids.map((id) => frame(FrameType.data, Flag.endStream, id, message)),
  );
  await until("the others are refused", () => causes.length === calls - most);
  assertLessOrEqual(served.edge.inflight, most);
  open();
  await until("none runs", () => served.edge.inflight === 0);
  assertEquals(new Set(causes), new Set(["too_many"]));
});

Deno.test("F74 a call whose deadline has passed is not parsed and reaches no handler", async () => {
  let handled = 0;
  const { causes, observer } = refusals();
  await using served = await startEdge(
    () => {
      handled += 1;
      return Promise.resolve(orderAnswer("a"));
    },
    { observer },
  );
  using raw = await RawConnection.open(served.host, served.port);
  raw.greet();
  // It is over before its message can be looked at; that is none of a GetOrder.
  const headers = { ...grpcHeaders(GET_ORDER), "grpc-timeout": "1n" };
  raw.send(
    frame(FrameType.headers, Flag.endHeaders, 1, headerBlock(headers)),
    frame(FrameType.data, Flag.endStream, 1, grpcMessage(Buffer.alloc(9, 255))),
  );
  await until("it is refused", () => causes.length > 0);
  assertEquals([causes, handled], [["expired"], 0]);
});

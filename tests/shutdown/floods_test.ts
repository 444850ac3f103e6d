/** Clients that send more than any client has to: others are served meanwhile, and the stop is not held up. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { Buffer } from "node:buffer";
import { constants } from "node:http2";
import { GET_ORDER } from "../support/grpc_client.ts";
import {
  Flag,
  frame,
  FrameType,
  grpcHeaders,
  headerBlock,
  RawConnection,
} from "../support/raw_http2.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { inPairs } from "./pairs.ts";
import { NO_PHASE_ENDS } from "./patient_budgets.ts";
import { NO_SIGNALS, openFilesLimit, WEAKER_RUNTIME } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** How long a connection may flood the service before it is closed, in ms. */
const CLOSED_WITHIN_MS = 60_000;
/** What a flood may cost, in bytes: it was 8 to 50 MB when this was written. */
const GROWTH_BYTES = 256 * 1024 * 1024;
/** An idle stop, and the edge's allowance for clients that do not take part, in ms. */
const STOP_MS = 4_000;
/** Both processes need a descriptor for each, and some of their own. */
const CONNECTIONS = Math.min(10_000, openFilesLimit() - 500);
/** The edge's limit of calls at once on one connection. */
const STREAMS = 1_000;
/** In flight at once while connections are opened. */
const AT_ONCE = 200;

const BLOCK = headerBlock(grpcHeaders(GET_ORDER));
const OPAQUE = Buffer.alloc(8);
const CANCEL = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);

function open(service: ServiceProcess): Promise<RawConnection> {
  const [host = "", port = ""] = service.grpcAddress.split(":");
  return RawConnection.open(host, Number(port));
}

function times(count: number, part: (nth: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, nth) => part(nth)));
}

/** What the n-th write of a flood sends. */
const FLOODS: Readonly<Record<string, (nth: number) => Buffer>> = {
  "streams that are reset at once (CVE-2023-44487)": (nth) =>
    times(100, (i) => {
      const id = 1 + 2 * (100 * nth + i);
      return Buffer.concat([
        frame(FrameType.headers, Flag.endHeaders, id, BLOCK),
        frame(FrameType.rstStream, 0, id, CANCEL),
      ]);
    }),
  "CONTINUATION frames without end": (nth) =>
    nth === 0
      ? frame(FrameType.headers, 0, 1, BLOCK)
      : frame(FrameType.continuation, 0, 1, times(100, () => BLOCK)),
  "settings": () => times(1_000, () => frame(FrameType.settings, 0, 0)),
  "pings": () => times(1_000, () => frame(FrameType.ping, 0, 0, OPAQUE)),
};

/** Sends until the service closes the connection; false: it did not in time. */
async function flood(
  { socket }: RawConnection,
  part: (nth: number) => Buffer,
): Promise<boolean> {
  const end = performance.now() + CLOSED_WITHIN_MS;
  for (let nth = 0; performance.now() < end; nth++) {
    const failed = await new Promise((resolve) => {
      // A write that nobody takes is called back by nobody.
      socket.once("close", resolve);
      socket.write(part(nth), (error) => {
        socket.removeListener("close", resolve);
        resolve(error instanceof Error);
      });
    });
    if (failed !== false || socket.destroyed) return true;
  }
  return false;
}

async function memoryOf(service: ServiceProcess): Promise<number> {
  const bytes = (await metricsOf(service)).get("process_resident_memory_bytes");
  assert(bytes !== undefined && bytes > 0, "no memory is measured");
  return bytes;
}

Deno.test(
  "F56 resets, CONTINUATIONs, settings and pings without end: others are served meanwhile, the stop is not held up",
  { ignore: NO_SIGNALS || WEAKER_RUNTIME },
  async () => {
    await inPairs(Object.entries(FLOODS), async ([what, part]) => {
      await using world = await World.create();
      const service = await world.start();
      const client = world.client(service);
      const orderId = await world.order(client);
      const before = await memoryOf(service);
      using raw = await open(service);
      raw.greet();
      let flooding = true;
      const flooded = flood(raw, part).finally(() => flooding = false);
      // A call that fails fails the test.
      while (flooding) await client.getOrder({ orderId });
      assert(await flooded, `${what}: not closed in ${CLOSED_WITHIN_MS} ms`);
      assertLess(await memoryOf(service) - before, GROWTH_BYTES, what);
      const { code, awakeMs } = await service.stop();
      assertEquals(code, 0, what);
      const stopped = service.log.find(({ msg }) => msg === "grpc stopped");
      assertEquals(stopped?.inflight, 0, what);
      assertLess(awakeMs, STOP_MS, what);
    });
  },
);

Deno.test(
  "F56 calls beyond the limit of one connection are refused as not begun; the others and other connections go on",
  { ignore: NO_SIGNALS || WEAKER_RUNTIME },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    const client = world.client(service);
    const orderId = await world.order(client);
    using raw = await open(service);
    raw.greet();
    const beyond = 50;
    // Their messages never come: they stay open.
    raw.send(times(
      STREAMS + beyond,
      (i) => frame(FrameType.headers, Flag.endHeaders, 1 + 2 * i, BLOCK),
    ));
    const refused = () =>
      raw.frames().filter(({ type }) => type === FrameType.rstStream);
    await until("the last ones are refused", () => refused().length >= beyond);
    assertEquals(
      refused().map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]),
      Array.from({ length: beyond }, (_, i) => [
        1 + 2 * (STREAMS + i),
        constants.NGHTTP2_REFUSED_STREAM,
      ]),
    );
    assertEquals((await client.getOrder({ orderId })).order?.id, orderId);
    const { code, awakeMs } = await service.stop();
    assertEquals(code, 0);
    assertLess(awakeMs, STOP_MS);
  },
);

Deno.test(
  "F56 10,000 connections, or as many as a process may have: calls are answered, the stop closes them in time",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      env: { ...NO_PHASE_ENDS, OMS_GRPC_MAX_CONNECTIONS: "20000" },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    const connections: RawConnection[] = [];
    using held = new DisposableStack();
    while (connections.length < CONNECTIONS) {
      const opened = await Promise.all(
        Array.from({ length: AT_ONCE }, () => open(service)),
      );
      for (const each of opened) held.use(each).greet();
      connections.push(...opened);
      await client.getOrder({ orderId });
    }
    await until(
      "each has been greeted",
      () => connections.every(({ bytes }) => bytes.length > 0),
    );
    assertEquals((await client.getOrder({ orderId })).order?.id, orderId);
    const { code, awakeMs } = await service.stop("SIGTERM", 30_000);
    assertEquals(code, 0);
    assertLess(awakeMs, 10_000);
    await Promise.all(connections.map((each) => each.closed));
  },
);

/** Clients that are slow, half-open, stopped or impatient, and handlers that fail, while the service lives and stops. */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { type Metadata, status } from "@grpc/grpc-js";
import { fileURLToPath } from "node:url";
import { RpcError } from "../../src/grpc/errors.ts";
import {
  HealthCheckResponse_ServingStatus as Serving,
  HealthClient,
} from "../../src/grpc/gen/grpc/health/v1/health.ts";
import { credentials } from "@grpc/grpc-js";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { passed } from "../support/failpoints/process.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** An idle stop, and the edge's allowances for clients that do not take part (flush, http budget), in ms. */
const BOUND_MS = 2_000 + 2_000;

async function connect(address: string, text: string): Promise<Deno.Conn> {
  const [hostname = "", port = ""] = address.split(":");
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(text));
  return connection;
}

async function assertStops(service: ServiceProcess, what: string) {
  const { code, awakeMs } = await service.stop();
  assertEquals(code, 0, `${what}:\n${service.output.join("\n")}`);
  assertLess(awakeMs, BOUND_MS, what);
  // It was let go of, not killed with the process.
  const left = "exit was held up by something left open";
  assert(!service.log.some(({ msg }) => msg === left), what);
}

const HALF_OPEN = {
  "gRPC port, no byte sent": (service: ServiceProcess) =>
    connect(service.grpcAddress, ""),
  "gRPC port, half a preface": (service: ServiceProcess) =>
    connect(service.grpcAddress, "PRI * HTTP/2"),
  "HTTP port, no byte sent": (service: ServiceProcess) =>
    connect(service.httpAddress, ""),
};

Deno.test(
  "F50 connections that send nothing, or never finish: the stop stays within its budgets",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(Object.entries(HALF_OPEN), async ([what, open]) => {
      await using world = await World.create();
      const service = await world.start();
      using _connection = await open(service);
      await world.order(world.client(service));
      await assertStops(service, what);
    });
  },
);

Deno.test(
  "F50 HTTP headers without end: the stop stays within its budgets",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    using _connection = await connect(
      service.httpAddress,
      "GET /livez HTTP/1.1\r\nhost: a\r\n",
    );
    await world.order(world.client(service));
    await assertStops(service, "headers without end");
  },
);

Deno.test(
  "F50 an open Health.Watch at the stop: NOT_SERVING, then its end, and the stop is not held up",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    const health = new HealthClient(
      service.grpcAddress,
      credentials.createInsecure(),
      { "grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0 },
    );
    const seen: Serving[] = [];
    const serving = Promise.withResolvers<void>();
    const end = Promise.withResolvers<status | undefined>();
    const watch = health.watch({ service: "" });
    watch.on("data", (answer: { status: Serving }) => {
      seen.push(answer.status);
      serving.resolve();
    });
    watch.on("error", () => {});
    watch.on(
      "status",
      (final: { code: status; metadata: Metadata }) => end.resolve(final.code),
    );
    await serving.promise;
    await assertStops(service, "watch");
    assertEquals(await end.promise, status.UNAVAILABLE);
    assertEquals(seen, [Serving.SERVING, Serving.NOT_SERVING]);
    health.close();
  },
);

Deno.test(
  "F50 a client process under SIGSTOP in the middle of its calls: the stop stays within its budgets",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    const program = new URL("./programs/busy_client.ts", import.meta.url);
    const client = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-net",
        "--allow-env",
        "--allow-read",
        "--allow-sys",
        fileURLToPath(program),
        service.grpcAddress,
      ],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    try {
      const reader = client.stdout.getReader();
      await reader.read();
      await reader.cancel();
      client.kill("SIGSTOP");
      await assertStops(service, "SIGSTOP");
    } finally {
      client.kill("SIGKILL");
      await client.status;
    }
  },
);

Deno.test(
  "F51 a pay whose caller gives up, before and after its commit: not written, or carried out",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["before", "after"], async (side) => {
      await using world = await World.create();
      const release = `${world.dir}/release`;
      const point = `${side}-commit:accept-pay`;
      const service = await world.start({
        failpoints: `${point}=print+wait:${release}`,
      });
      const client = world.client(service);
      const orderId = await world.order(client);
      const key = world.newKey();
      const caller = new AbortController();
      const paying = client.payOrder({ orderId }, {
        idempotencyKey: key,
        signal: caller.signal,
      });
      await passed(service, point);
      caller.abort(new Error("the caller has gone"));
      await assertRejects(() => paying, Error, "the caller has gone");
      await Deno.writeTextFile(release, "");
      if (side === "after") {
        await world.settled(
          client,
          orderId,
          OrderStatus.ORDER_STATUS_CONFIRMED,
        );
      }
      const retry = await world.pay(client, orderId, key);
      assert(retry.ok, side);
      await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      await assertStops(service, side);
      assertEquals(world.effects(), ["charge", "reserve"], side);
      world.assertLedger();
    });
  },
);

Deno.test(
  "F57 a handler that fails: INTERNAL without its reason, logged; the service goes on",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-read:timeline=throw",
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    const error = await assertRejects(
      () => client.getOrder({ orderId }),
      RpcError,
    );
    assertEquals(error.code, status.INTERNAL);
    assert(!/failpoint/i.test(error.message), error.message);
    const line = await service.waitForLog((line) =>
      line.component === "grpc" && line.level === "error"
    );
    assert(JSON.stringify(line).includes("Failpoint"), JSON.stringify(line));
    assertEquals((await client.getOrder({ orderId })).order?.id, orderId);
    await assertStops(service, "throw");
  },
);

Deno.test(
  "F57 a handler that never settles: its caller's deadline holds, the stop cuts it off and names it",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-read:timeline=print+hang",
      env: { OMS_GRPC_GRACEFUL_TIMEOUT: "300ms" },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    const error = await assertRejects(
      () => client.getOrder({ orderId }, { deadlineMs: 1_500 }),
      RpcError,
    );
    assertEquals(error.code, status.DEADLINE_EXCEEDED);
    await passed(service, "before-read:timeline");
    const { code, awakeMs } = await service.stop();
    assertEquals(code, 3);
    assertLess(awakeMs, BOUND_MS);
    const report = service.log.find(({ msg }) => msg === "shutdown complete");
    assert(Array.isArray(report?.leftover));
    assertEquals(report.leftover.map(({ task }) => task), [
      "grpc/oms.v1.OrderService/GetOrder",
    ]);
  },
);

Deno.test(
  "F57 an HTTP request that never settles: the stop answers it 503 at the budget, and stays clean",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-read:sagaStats=print+hang",
      env: { OMS_HTTP_SHUTDOWN_TIMEOUT: "200ms" },
    });
    const scraping = fetch(`http://${service.httpAddress}/metrics`)
      .then(async ({ status, body }) => {
        await body?.cancel();
        return `${status}`;
      }, (error) => `${error}`);
    await passed(service, "before-read:sagaStats");
    await assertStops(service, "metrics");
    assertEquals(await scraping, "503");
    const stopped = service.log.find(({ msg }) => msg === "http stopped");
    assertEquals(stopped?.outcome, "timed_out");
  },
);

Deno.test("a call's correlation id is on its line and on its saga's", {
  ignore: NO_SIGNALS,
}, async () => {
  await using world = await World.create();
  const service = await world.start({ env: { LOG_LEVEL: "debug" } });
  const client = world.client(service);
  const orderId = await world.order(client);
  await client.payOrder({ orderId }, {
    idempotencyKey: crypto.randomUUID(),
    metadata: { "x-correlation-id": "checkout-7" },
  });
  await service.waitForLog((line) =>
    line.msg === "saga settled" && line.correlation_id === "checkout-7"
  );
  const call = await service.waitForLog(({ msg, correlation_id }) =>
    msg === "call ended" && correlation_id === "checkout-7"
  );
  assertEquals([call.method, call.code], [
    "oms.v1.OrderService/PayOrder",
    "OK",
  ]);
  assertEquals((await service.stop()).code, 0);
});

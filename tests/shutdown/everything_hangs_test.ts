/** Providers, broker and clients that hang, all at the same time: each alone is in the tests beside this one. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { AwakeTime } from "../support/awake_time.ts";
import { passed } from "../support/failpoints/process.ts";
import { hungServer } from "../support/hung_server.ts";
import {
  Flag,
  frame,
  FrameType,
  grpcHeaders,
  grpcMessage,
  headerBlock,
  RawConnection,
} from "../support/raw_http2.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { APART_MS, FORCED_WITHIN_MS, pause } from "./further_signal.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { whileAwake } from "./while_awake.ts";
import { ended, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ORDERS = 5;
/**
 * Of the phases sagas, outbox and http, and of the edge for what it waits for from clients, in ms. The outbox is
 * skipped only when the first send has failed by then, and a quick start is stopped before that.
 */
const BUDGETS_MS = 1_000 + 3_000 + 2_000 + 500 + 1_000;
/** End-actions, the broker's close, the process's own end. In ms. */
const SLACK_MS = 2_000;

/** Opens a call and never ends its request. */
async function callWithoutEnd(
  service: ServiceProcess,
  path: string,
  ...body: readonly Uint8Array[]
): Promise<RawConnection> {
  const [host = "", port = ""] = service.grpcAddress.split(":");
  const connection = await RawConnection.open(host, Number(port));
  connection.greet();
  const headers = headerBlock(grpcHeaders(path, { "idempotency-key": "k" }));
  connection.send(
    frame(FrameType.headers, Flag.endHeaders, 1, headers),
    ...body.map((bytes) => frame(FrameType.data, 0, 1, bytes)),
  );
  return connection;
}

const REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/** Connections that clients hold open. */
async function holdOpen(
  service: ServiceProcess,
  held: DisposableStack,
): Promise<void> {
  const create = "/oms.v1.OrderService/CreateOrder";
  const half = grpcMessage(new Uint8Array(100)).subarray(0, 50);
  held.use(await callWithoutEnd(service, create));
  held.use(await callWithoutEnd(service, create, half));
  held.use(await callWithoutEnd(service, REFLECTION));
  const message = grpcMessage(new Uint8Array());
  held.use(
    await callWithoutEnd(service, "/grpc.health.v1.Health/Watch", message),
  );
  const [hostname = "", port = ""] = service.httpAddress.split(":");
  const http = held.use(
    await Deno.connect({ hostname, port: Number(port) }),
  );
  await http.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nhost: "));
}

/** Everything hangs, the service is stopped by `stop`; then nothing hangs any more. */
async function stopAmidst(
  stop: (service: ServiceProcess) => Promise<void>,
  lastStop: string,
): Promise<void> {
  await using payment = hungServer();
  await using broker = hungServer();
  await using world = await World.create();
  const first = await world.start({
    failpoints: "before-call:charge=print",
    env: {
      KAFKA_BROKERS: broker.address,
      OMS_PAYMENT_URL: `http://${payment.address}`,
      OMS_PROVIDER_TIMEOUT: "60s",
      OMS_SAGA_DRAIN_TIMEOUT: "1s",
    },
  });
  using held = new DisposableStack();
  await holdOpen(first, held);
  const client = world.client(first);
  const orders: string[] = [];
  for (let i = 0; i < ORDERS; i++) {
    const orderId = await world.order(client);
    assert((await world.pay(client, orderId)).ok);
    orders.push(orderId);
  }
  await passed(first, "before-call:charge");
  await stop(first);

  const second = await world.start();
  const { resumed_sagas, last_stop } = await second.ready();
  assertEquals([resumed_sagas, last_stop], [ORDERS, lastStop]);
  const next = world.client(second);
  for (const orderId of orders) {
    await world.settled(next, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  }
  await world.quiet(second);
  assertEquals((await second.stop()).code, 0);
  world.assertLedger();
}

Deno.test(
  "F20 F42 F50 providers, broker and clients that hang, all at once: every phase within its budget, exit 3, or forced within 500 ms; nothing lost",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["wait", "force"], async (how) => {
      if (how === "wait") {
        await stopAmidst(async (service) => {
          const { code, awakeMs } = await service.stop();
          assertEquals(code, 3, service.output.join("\n"));
          assertLess(awakeMs, BUDGETS_MS + SLACK_MS);
        }, "cut_off (SIGTERM, exit code 3)");
      } else {
        await whileAwake(() =>
          stopAmidst(async (service) => {
            service.signal("SIGTERM");
            await service.waitForLog("shutdown started");
            await pause(APART_MS);
            using sinceSignal = new AwakeTime();
            service.signal("SIGTERM");
            assertEquals((await ended(service)).code, 143);
            assertLess(sinceSignal.ms, FORCED_WITHIN_MS);
          }, "forced (SIGTERM, exit code 143)")
        );
      }
    });
  },
);

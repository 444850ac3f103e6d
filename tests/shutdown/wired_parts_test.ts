/** What only the whole process can show: its parts tell each other what they have to know. */
import { assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { readEvents } from "../support/ledger/read_events.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Waits until the file publisher has written that many events. */
async function published(world: World, events: number): Promise<void> {
  const path = `${world.dataDir}/events.ndjson`;
  await until(
    `${events} events`,
    () => readEvents(path).length >= events,
  );
}

Deno.test(
  "events of calls and of sagas are published at once, without waiting for a poll",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      env: { OMS_OUTBOX_POLL_INTERVAL: "1h" },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    await published(world, 1);
    await world.pay(client, orderId);
    await world.settled(
      client,
      orderId,
      OrderStatus.ORDER_STATUS_CONFIRMED,
    );
    // order.created, order.confirmed; saga.started, step.reserved, step.paid, saga.completed
    await published(world, 6);
    assertEquals((await service.stop()).code, 0);
    world.assertLedger();
  },
);

async function health(
  service: ServiceProcess,
): Promise<{ codes: number[]; status: string; store: string }> {
  const get = (path: string) => fetch(`http://${service.httpAddress}${path}`);
  const healthz = await get("/healthz");
  const { status, checks } = await healthz.json();
  const codes = [healthz.status];
  for (const path of ["/readyz", "/livez"]) {
    const answer = await get(path);
    await answer.body?.cancel();
    codes.push(answer.status);
  }
  return { codes, status, store: checks.store.status };
}

Deno.test(
  "F30 a store that takes no write is unhealthy, and neither unready nor dead; it is healthy again by itself",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-read:ping=throw",
    });
    assertEquals(await health(service), {
      codes: [503, 200, 200],
      status: "unhealthy",
      store: "unhealthy",
    });
    assertEquals(await health(service), {
      codes: [200, 200, 200],
      status: "healthy",
      store: "healthy",
    });
    assertEquals((await service.stop()).code, 0);
  },
);

/** The event file of the running service, while others take it away and while it is rotated by size. */
import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { eventFiles } from "../support/ledger/event_files.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ROTATIONS = 12;

/** As `mv` and `gzip` do, one right after the other: what is written to the old file later is lost. */
async function takeAway(path: string, to: string): Promise<void> {
  await Deno.rename(path, to);
  const packed = gzipSync(await Deno.readFile(to));
  await Deno.writeFile(`${to}.gz`, new Uint8Array(packed));
  await Deno.remove(to);
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

Deno.test(
  "F78 events.ndjson moved and packed under load, again and again: every event is in one of the files",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    const client = world.client(service);
    const path = `${world.dataDir}/events.ndjson`;
    let rotating = true;
    const load = Array.from({ length: 4 }, async () => {
      while (rotating) await world.pay(client, await world.order(client));
    });
    for (let nth = 1; nth <= ROTATIONS; nth++) {
      await until("events in the file", () => sizeOf(path) > 0);
      await takeAway(path, `${path}.${nth}`);
    }
    rotating = false;
    await Promise.all(load);
    await world.quiet(service);
    assertEquals((await service.stop()).code, 0);
    assert(eventFiles(path).length > ROTATIONS);
    world.assertLedger();
  },
);

/** Ten orders, paid; the last ones are under way. */
async function paid(world: World, service: ServiceProcess): Promise<string[]> {
  const client = world.client(service);
  const orders: string[] = [];
  for (let count = 0; count < 10; count++) {
    const orderId = await world.order(client);
    await world.pay(client, orderId);
    orders.push(orderId);
  }
  return orders;
}

Deno.test(
  "F78 OMS_EVENTS_FILE_MAX_BYTES, and a SIGKILL: full files are set aside in order, nothing is missing",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const env = { OMS_EVENTS_FILE_MAX_BYTES: "4000" };
    const path = `${world.dataDir}/events.ndjson`;
    const first = await world.start({ env });
    const orders = await paid(world, first);
    // What it had not published yet is the next one's.
    await first.kill();
    const second = await world.start({ env });
    orders.push(...await paid(world, second));
    const client = world.client(second);
    for (const orderId of orders) {
      await world.settled(
        client,
        orderId,
        OrderStatus.ORDER_STATUS_CONFIRMED,
      );
    }
    await world.quiet(second);
    assertEquals((await second.stop()).code, 0);
    assert(eventFiles(path).length > 4, `${eventFiles(path)}`);
    world.assertLedger();
  },
);

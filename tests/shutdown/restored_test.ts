/** A backup is restored and goes another way; and backups that are being made while the service stops. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { backup, DatabaseSync } from "node:sqlite";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { readEvents } from "../support/ledger/read_events.ts";
import { NO_SIGNALS } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

const CONFIRMED = OrderStatus.ORDER_STATUS_CONFIRMED;
const CANCELED = OrderStatus.ORDER_STATUS_CANCELED;
const REFUNDED = OrderStatus.ORDER_STATUS_REFUNDED;
const RESTORED = { env: { OMS_STORE_RESTORED: "true" } };

/** As `sqlite3 oms.db ".backup …"` does it. */
async function copyOf(from: string, to: string): Promise<void> {
  const db = new DatabaseSync(from, { readOnly: true });
  await backup(db, to);
  db.close();
}

function restore(world: World, copy: string): void {
  const path = `${world.dataDir}/oms.db`;
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      Deno.removeSync(name);
    } catch {
      // It was checkpointed and removed.
    }
  }
  Deno.copyFileSync(copy, path);
}

/** The texts of each event id, of all lines that consumers got. */
function contentsById(path: string): Map<string, Set<string>> {
  const contents = new Map<string, Set<string>>();
  for (const line of Deno.readTextFileSync(path).trimEnd().split("\n")) {
    const { headers, value } = JSON.parse(line);
    const known = contents.get(headers["event-id"]) ?? new Set();
    contents.set(headers["event-id"], known.add(JSON.stringify(value)));
  }
  return contents;
}

Deno.test(
  "F76 a backup of a confirmed order is restored and takes another course: no event id has two contents",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const copy = `${world.dir}/copy.db`;
    const events = `${world.dataDir}/events.ndjson`;
    const first = await world.start();
    assertEquals((await first.ready()).generation, 1);
    const client = world.client(first);
    const id = await world.order(client);
    await world.pay(client, id);
    await world.settled(client, id, CONFIRMED);
    await world.quiet(first);
    // A copy of a running service: the mark of its start is in it.
    await copyOf(`${world.dataDir}/oms.db`, copy);
    await world.cancel(client, id);
    await world.settled(client, id, CANCELED);
    await world.quiet(first);
    assertEquals((await first.stop()).code, 0);

    restore(world, copy);
    const refused = world.spawn();
    assertEquals((await refused.exit).code, 1);
    const line = refused.log.find(({ msg }) => msg === "start failed");
    const why = JSON.stringify(line);
    for (const word of ["high-water mark", "OMS_STORE_RESTORED=true"]) {
      assert(why.includes(word), why);
    }

    const second = await world.start(RESTORED);
    const ready = await second.ready();
    assertEquals(ready.last_stop, "none");
    assertEquals(ready.generation, 2);
    const warning = second.log.find(({ msg }) => msg === "store restored");
    assertEquals([warning?.level, warning?.generation], ["warn", 2]);
    const died = [...await metricsOf(second)].filter(([name]) =>
      name.includes('outcome="died"')
    );
    assertEquals(died, []);
    const again = world.client(second);
    await world.refund(again, id);
    await world.settled(again, id, REFUNDED);
    await world.quiet(second);
    await second.kill();

    const third = await world.start();
    const next = await third.ready();
    assertEquals(next.generation, 2);
    assertEquals(next.last_stop, "died (unknown, exit code -1)");
    assertEquals((await third.stop()).code, 0);

    const contents = contentsById(events);
    for (const [event, texts] of contents) assertEquals(texts.size, 1, event);
    const ids = [...contents.keys()];
    const short = ids.filter((event) => /^ord_[^:]+:\w+:\d+$/.test(event));
    const long = ids.filter((event) =>
      /^ord_[^:]+:\w+:\d+:g2-[0-9a-f]{8}$/.test(event)
    );
    assertEquals(short.length + long.length, ids.length);
    // The refund of the copy's order has the number that its cancel had.
    const numbers = new Set(short.map((event) => event.split(":", 3).join()));
    const twice = long.filter((event) =>
      numbers.has(event.split(":", 3).join())
    );
    assertNotEquals(twice, []);
    assert(readEvents(events).length >= ids.length);
  },
);

Deno.test(
  "F76 OMS_STORE_RESTORED stays set: each start has a generation of its own, and nothing else changes",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    for (const generation of [1, 2, 3]) {
      const service = await world.start(RESTORED);
      assertEquals((await service.ready()).generation, generation);
      const client = world.client(service);
      const id = await world.order(client);
      await world.pay(client, id);
      await world.settled(client, id, CONFIRMED);
      await world.quiet(service);
      assertEquals((await service.stop()).code, 0);
    }
    world.assertLedger();
  },
);

Deno.test(
  "F76 SIGTERM while a reader outside holds a snapshot: the store closes in time, exit code 0, and the next start has all",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    // The budget of the default: a second, which is also how long SQLite would wait for the reader.
    const env = { OMS_STORE_CLOSE_TIMEOUT: "1s" };
    const service = await world.start({ env });
    const client = world.client(service);
    const early = await world.order(client);
    const reader = new DatabaseSync(`${world.dataDir}/oms.db`, {
      readOnly: true,
    });
    try {
      reader.exec("BEGIN");
      const look = reader.prepare("SELECT count(*) AS n FROM orders");
      assertEquals(look.get()?.n, 1);
      await world.pay(client, early);
      await world.settled(client, early, CONFIRMED);
      const { code } = await service.stop();
      const closed = service.log.find(({ msg }) => msg === "store closed");
      assertEquals([code, closed?.outcome], [0, "done"]);
      assertEquals(look.get()?.n, 1);
    } finally {
      reader.close();
    }
    const next = await world.start();
    await world.settled(world.client(next), early, CONFIRMED);
    assertEquals((await next.stop()).code, 0);
    world.assertLedger();
  },
);

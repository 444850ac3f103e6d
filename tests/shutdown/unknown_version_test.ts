/** A saga that a later release has accepted, under this one: it waits, is counted and is named. */
import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** As if another release had accepted all sagas. */
function setVersion(world: World, version: number): void {
  using db = new DatabaseSync(`${world.dataDir}/oms.db`);
  db.prepare("UPDATE sagas SET definition_version = ?").run(version);
}

Deno.test(
  "F81 a saga of an unknown version waits, counted as stuck and named in the log once, and goes on under the release that knows it",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    world.inventory.setKnobs({ unknown_rate: 1, unknown_modes: ["error"] });
    const first = await world.start();
    const client = world.client(first);
    const orderId = await world.order(client);
    await world.pay(client, orderId);
    const calls = () => world.inventory.stats.calls.reserve;
    await until("the first attempt", () => calls() > 0);
    assertEquals((await first.stop()).code, 0);
    setVersion(world, 99);
    world.inventory.setKnobs({ unknown_rate: 0 });
    const before = calls();

    const older = await world.start();
    const metrics = await metricsOf(older);
    assertEquals(metrics.get("oms_sagas_stuck"), 1);
    assertEquals(metrics.get("oms_sagas_unknown_version"), 1);
    // Others pass it by.
    const other = await world.order(world.client(older));
    await world.pay(world.client(older), other);
    const confirmed = OrderStatus.ORDER_STATUS_CONFIRMED;
    await world.settled(world.client(older), other, confirmed);
    const lines = older.log.filter(({ msg }) =>
      msg === "saga of an unknown version waits"
    );
    assertEquals(
      lines.map(({ order_id, saga, definition_version }) => ({
        order_id,
        saga,
        definition_version,
      })),
      [{ order_id: orderId, saga: "pay", definition_version: 99 }],
    );
    assertEquals((await older.stop()).code, 0);
    assertEquals(calls(), before + 1);

    setVersion(world, 1);
    const next = await world.start();
    await world.settled(world.client(next), orderId, confirmed);
    assertEquals((await metricsOf(next)).get("oms_sagas_unknown_version"), 0);
    assertEquals((await next.stop()).code, 0);
    world.assertLedger();
  },
);

/** The wall clock jumps while sagas are under way. */
import { assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { WallClockFile } from "../support/failpoints/wall_clock_file.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOUR_MS = 3_600_000;

/** Waits until the providers were called that often. */
async function called(world: World, calls: number): Promise<void> {
  const end = performance.now() + 15_000;
  while (world.inventory.stats.calls.reserve < calls) {
    if (performance.now() > end) throw new Error("no call came");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (
  const [name, from, to] of [
    ["back", HOUR_MS, 0],
    ["forwards", 0, HOUR_MS],
  ] as const
) {
  Deno.test(
    `F26 the wall clock jumps ${name} by an hour while a step waits for its next attempt: it is made all the same, once`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const clock = new WallClockFile(`${world.dir}/clock`);
      clock.move(from);
      world.inventory.setKnobs({ unknown_rate: 1, unknown_modes: ["error"] });
      const service = await world.start({ failpoints: clock.failpoint });
      const client = world.client(service);
      const orderId = await world.order(client);
      await world.pay(client, orderId);
      await called(world, 2);
      clock.move(to);
      world.inventory.setKnobs({ unknown_rate: 0 });
      await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      assertEquals((await service.stop()).code, 0);
      assertEquals(world.effects(), ["charge", "reserve"]);
      world.assertLedger();
    },
  );

  Deno.test(
    `F26 the wall clock has gone ${name} by an hour at the next start: a step that waits is not forgotten`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const clock = new WallClockFile(`${world.dir}/clock`);
      clock.move(from);
      world.inventory.setKnobs({ unknown_rate: 1, unknown_modes: ["error"] });
      const first = await world.start({ failpoints: clock.failpoint });
      const client = world.client(first);
      const orderId = await world.order(client);
      await world.pay(client, orderId);
      await called(world, 2);
      assertEquals((await first.stop()).code, 0);
      clock.move(to);
      world.inventory.setKnobs({ unknown_rate: 0 });
      const second = await world.start({ failpoints: clock.failpoint });
      const next = world.client(second);
      await world.settled(next, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      assertEquals((await second.stop()).code, 0);
      assertEquals(world.effects(), ["charge", "reserve"]);
      world.assertLedger();
    },
  );
}

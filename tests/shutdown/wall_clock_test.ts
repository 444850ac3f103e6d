/** The wall clock jumps while sagas are under way. */
import { assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { WallClockFile } from "../support/failpoints/wall_clock_file.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOUR_MS = 3_600_000;

/** Waits until the providers were called that often. */
async function called(world: World, calls: number): Promise<void> {
  await until(
    `${calls} calls`,
    () => world.inventory.stats.calls.reserve >= calls,
  );
}

/** A service whose wall clock is `aheadMs` ahead, and a payment whose first step waits for its next attempt. */
async function postponed(world: World, aheadMs: number) {
  const clock = new WallClockFile(`${world.dir}/clock`);
  clock.move(aheadMs);
  world.inventory.setKnobs({ unknown_rate: 1, unknown_modes: ["error"] });
  const service = await world.start({ failpoints: clock.failpoint });
  const client = world.client(service);
  const orderId = await world.order(client);
  await world.pay(client, orderId);
  await called(world, 2);
  return { clock, service, orderId };
}

async function assertPaidOnce(
  world: World,
  service: ServiceProcess,
  orderId: string,
): Promise<void> {
  const client = world.client(service);
  await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  assertEquals((await service.stop()).code, 0);
  assertEquals(world.effects(), ["charge", "reserve"]);
  world.assertLedger();
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
      const { clock, service, orderId } = await postponed(world, from);
      clock.move(to);
      world.inventory.setKnobs({ unknown_rate: 0 });
      await assertPaidOnce(world, service, orderId);
    },
  );

  Deno.test(
    `F26 the wall clock has gone ${name} by an hour at the next start: a step that waits is not forgotten`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const { clock, service, orderId } = await postponed(world, from);
      assertEquals((await service.stop()).code, 0);
      clock.move(to);
      world.inventory.setKnobs({ unknown_rate: 0 });
      const next = await world.start({
        failpoints: clock.failpoint,
        env: { OMS_SAGA_RETRY_MAX: "100ms" },
      });
      if (to < from) {
        // It tells nothing about the step's age (F77): not before it has passed the newest time.
        await next.waitForLog(({ msg }) =>
          msg === "saga step held back by the clock"
        );
        clock.move(from);
      }
      await assertPaidOnce(world, next, orderId);
    },
  );
}

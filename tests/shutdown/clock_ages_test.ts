/** Ages under a wall clock that is wrong: what a provider may have forgotten is not sent, what was answered is kept. */
import { assert, assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { WallClockFile } from "../support/failpoints/wall_clock_file.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOUR_MS = 3_600_000;
const HELD = "saga step held back by the clock";
const QUICK = {
  OMS_SAGA_RETRY_MAX: "100ms",
  OMS_IDEMPOTENCY_CLEANUP_INTERVAL: "50ms",
};

/** A world whose services follow a wall clock that the test moves. */
function movable(world: World, env: Readonly<Record<string, string>> = {}) {
  const clock = new WallClockFile(`${world.dir}/clock`);
  clock.move(0);
  const options = { failpoints: clock.failpoint, env: { ...QUICK, ...env } };
  return { clock, start: () => world.start(options) };
}

function metricIs(
  service: ServiceProcess,
  name: string,
  wanted: (value: number) => boolean,
): Promise<void> {
  return until(
    name,
    async () => wanted((await metricsOf(service)).get(name) ?? NaN),
  );
}

function charges(world: World): number {
  return world.payment.ledger.filter(({ operation, result }) =>
    operation === "charge" && result === "done"
  ).length;
}

/** An order whose charge took effect, and a process that died before it heard of it. */
async function diedInCharge(
  world: World,
  start: () => Promise<ServiceProcess>,
): Promise<string> {
  world.payment.setKnobs({ unknown_rate: 1, unknown_modes: ["hang_after"] });
  const service = await start();
  const client = world.client(service);
  const orderId = await world.order(client);
  await world.pay(client, orderId);
  await until("the charge took effect", () => charges(world) === 1);
  await service.kill();
  world.payment.setKnobs({ unknown_rate: 0 });
  return orderId;
}

Deno.test(
  "F77 the clock is an hour behind at the start, the provider has forgotten the key: the charge is not sent, an operator gets it",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const { clock, start } = movable(world, {
      OMS_PROVIDER_KEY_RETENTION: "1h",
    });
    await diedInCharge(world, start);
    world.payment.setKnobs({ key_retention_ms: 0 });
    clock.move(-HOUR_MS);
    const service = await start();
    await service.waitForLog(({ msg }) => msg === HELD);
    const warned = service.log.find(({ msg }) =>
      msg === "wall clock is behind the store"
    );
    assert(Number(warned?.behind_ms) > HOUR_MS / 2, "it says how far");
    await metricIs(service, "oms_saga_steps_held_total", (n) => n >= 2);
    const metrics = await metricsOf(service);
    assertEquals(metrics.get("oms_sagas_stuck"), 1);
    const behind = metrics.get("oms_clock_behind_store_seconds") ?? 0;
    assert(behind > 3_000 && behind <= 3_600, `${behind} s`);
    // One line a saga, not one a look.
    assertEquals(service.log.filter(({ msg }) => msg === HELD).length, 1);
    // Right again: two hours were gone.
    clock.move(2 * HOUR_MS);
    await service.waitForLog(({ msg }) =>
      msg === "saga parked, it needs an operator"
    );
    assertEquals((await service.stop()).code, 0);
    assertEquals(charges(world), 1);
  },
);

Deno.test(
  "F77 the clock is an hour behind at the start: the charge waits for it and then happens once",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const { clock, start } = movable(world);
    const orderId = await diedInCharge(world, start);
    clock.move(-HOUR_MS);
    const service = await start();
    await service.waitForLog(({ msg }) => msg === HELD);
    // What is new is not held up.
    const client = world.client(service);
    const other = await world.order(client);
    await world.pay(client, other);
    await world.settled(client, other, OrderStatus.ORDER_STATUS_CONFIRMED);
    clock.move(0);
    await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
    assertEquals((await metricsOf(service)).get("oms_sagas_stuck"), 0);
    assertEquals((await service.stop()).code, 0);
    assertEquals(charges(world), 2);
    world.assertLedger();
  },
);

async function confirmedOrder(
  world: World,
  client: ReturnType<World["client"]>,
): Promise<string> {
  const orderId = await world.order(client);
  await world.pay(client, orderId);
  await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  return orderId;
}

for (const [name, hours] of [["forwards", 25], ["back", -25]] as const) {
  Deno.test(
    `F77 the clock jumps ${name} by 25 hours: a refund that is repeated with its key is made once`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const { clock, start } = movable(world);
      const service = await start();
      const client = world.client(service);
      const orderId = await confirmedOrder(world, client);
      const key = world.newKey();
      const first = await world.refund(client, orderId, key, 100n);
      const refunds = () =>
        world.payment.ledger.filter(({ operation }) => operation === "refund");
      await until("the refund", () => refunds().length === 1);
      await world.quiet(service);
      clock.move(hours * HOUR_MS);
      const direction = hours > 0 ? "forward" : "back";
      const jumps = `oms_clock_jumps_total{direction="${direction}"}`;
      await metricIs(service, jumps, (n) => n === 1);
      const runs = 'oms_idempotency_cleanup_runs_total{result="ok"}';
      const before = (await metricsOf(service)).get(runs) ?? 0;
      await metricIs(service, runs, (n) => n >= before + 2);
      assertEquals(await world.refund(client, orderId, key, 100n), first);
      await world.quiet(service);
      clock.move(0);
      assertEquals(await world.refund(client, orderId, key, 100n), first);
      await world.quiet(service);
      assertEquals((await service.stop()).code, 0);
      assertEquals(refunds().length, 1);
      world.assertLedger();
    },
  );
}

Deno.test(
  "F77 the clock is 25 hours ahead at the next start: a refund that is repeated with its key is made once",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const { clock, start } = movable(world);
    const service = await start();
    const client = world.client(service);
    const orderId = await confirmedOrder(world, client);
    const key = world.newKey();
    const first = await world.refund(client, orderId, key, 100n);
    await world.quiet(service);
    assertEquals((await service.stop()).code, 0);
    clock.move(25 * HOUR_MS);
    const next = await start();
    const runs = 'oms_idempotency_cleanup_runs_total{result="ok"}';
    await metricIs(next, runs, (n) => n >= 2);
    const again = await world.refund(world.client(next), orderId, key, 100n);
    assertEquals(again, first);
    await world.quiet(next);
    assertEquals((await next.stop()).code, 0);
    assertEquals(
      world.effects().filter((operation) => operation === "refund").length,
      1,
    );
    world.assertLedger();
  },
);

Deno.test(
  "F77 the clock jumps ahead by 25 hours while a charge is open: it is held back, not parked, and goes on once the clock is right",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const { clock, start } = movable(world);
    world.payment.setKnobs({ unknown_rate: 1, unknown_modes: ["error_after"] });
    const service = await start();
    const client = world.client(service);
    const orderId = await world.order(client);
    await world.pay(client, orderId);
    await until("the charge took effect", () => charges(world) === 1);
    clock.move(25 * HOUR_MS);
    await service.waitForLog(({ msg }) => msg === HELD);
    const calls = world.payment.stats.calls.charge;
    world.payment.setKnobs({ unknown_rate: 0 });
    const held = (await metricsOf(service)).get("oms_saga_steps_held_total");
    await metricIs(
      service,
      "oms_saga_steps_held_total",
      (n) => n >= (held ?? 0) + 3,
    );
    assertEquals(world.payment.stats.calls.charge, calls);
    assertEquals((await metricsOf(service)).get("oms_sagas_stuck"), 1);
    clock.move(0);
    await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
    assertEquals((await service.stop()).code, 0);
    assertEquals(charges(world), 1);
    world.assertLedger();
  },
);

Deno.test(
  "F77 the clock jumps by 25 hours there and back: nothing that is due waits for that long",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const { clock, start } = movable(world);
    const service = await start();
    const client = world.client(service);
    for (const hours of [25, 0, -25, 0]) {
      clock.move(hours * HOUR_MS);
      await confirmedOrder(world, client);
    }
    await world.quiet(service);
    assertEquals((await service.stop()).code, 0);
    world.assertLedger();
  },
);

/** A reserve that is declined while nobody knows what an earlier call of it has done. */
import { assertEquals } from "@std/assert";
import type { OrderId } from "../../../src/orders/ids.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import type { Script } from "../../support/scripted_providers.ts";

Deno.test.sanitizer({ ops: true, resources: true });

async function payWith(
  world: SagaWorld,
  ...reserve: readonly Script[]
): Promise<OrderId> {
  world.providers.script("reserve", ...reserve);
  const id = await world.create();
  await world.pay(id);
  return id;
}

function releasesOf(world: SagaWorld): unknown[] {
  return world.providers.callsOf("release").map(({ body }) => JSON.parse(body));
}

Deno.test("F80 the reservation of the unknown call is released, then the order is canceled", async () => {
  await using world = new SagaWorld();
  const id = await payWith(
    world,
    { kind: "unknown", effect: true },
    { kind: "denied" },
  );
  await world.settle();
  const reservation_id = `${world.saga(id).id}:reserve`;
  assertEquals(releasesOf(world), [{ order_id: id, reservation_id }]);
  assertEquals(world.providers.effects("reserve", id).length, 1);
  assertEquals(world.providers.effects("release", id).length, 1);
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(world.order(id).reservationId, null);
  assertEquals(world.saga(id).failure, "reservation declined: scripted");
  assertEquals(verdict(world), []);
});

Deno.test("F80 where the unknown call had reserved nothing, the release finds nothing, and says so", async () => {
  await using world = new SagaWorld();
  const id = await payWith(
    world,
    { kind: "unknown", effect: false },
    { kind: "declined" },
  );
  await world.settle();
  const saga = world.saga(id);
  assertEquals(releasesOf(world).length, 1);
  assertEquals(world.providers.effects("release", id), []);
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(world.told, [{
    msg: "nothing to release, the reservation is gone",
    order_id: id,
    saga_id: saga.id,
    correlation_id: saga.correlationId,
  }]);
  assertEquals(verdict(world), []);
});

Deno.test("F80 a call of a process that died counts as unknown, too", async () => {
  await using world = new SagaWorld();
  const id = await payWith(
    world,
    { kind: "hang", effect: true },
    { kind: "denied" },
  );
  await world.turn();
  assertEquals(world.saga(id).attempt?.unknowns, 0);
  await world.restart();
  await world.settle();
  assertEquals(world.providers.callsOf("reserve").length, 2);
  assertEquals(world.providers.effects("release", id).length, 1);
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(verdict(world), []);
});

Deno.test("F80 a cancel that is accepted meanwhile releases it", async () => {
  await using world = new SagaWorld();
  const gate = Promise.withResolvers<void>();
  const id = await payWith(
    world,
    { kind: "held", until: gate.promise, unknown: true },
    { kind: "denied" },
  );
  await world.turn();
  await world.cancel(id);
  gate.resolve();
  await world.settle();
  assertEquals(world.saga(id).state, "superseded");
  assertEquals(world.saga(id, 2).completedSteps, ["release"]);
  assertEquals(world.providers.effects("release", id).length, 1);
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(verdict(world), []);
});

Deno.test("F80 a first call's decline has reserved nothing: no release", async () => {
  await using world = new SagaWorld();
  const id = await payWith(world, { kind: "declined" });
  await world.settle();
  assertEquals(releasesOf(world), []);
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(verdict(world), []);
});

Deno.test("F80 a declined refund is told at info", async () => {
  await using world = new SagaWorld();
  const id = await payWith(world);
  await world.settle();
  world.providers.script("refund", { kind: "declined", reason: "too old" });
  await world.refund(id, 100n);
  await world.settle();
  const saga = world.saga(id, 2);
  assertEquals(world.told, [{
    msg: "refund declined",
    order_id: id,
    saga_id: saga.id,
    correlation_id: saga.correlationId,
    reason: "too old",
  }]);
  assertEquals(verdict(world), []);
});

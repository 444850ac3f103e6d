/** How tests of the saga engine begin. */
import type { OrderId } from "../../../src/orders/ids.ts";
import type { OwnershipRule } from "../../../src/storage/memory_state.ts";
import { makeChange, makeOrder, makeSaga } from "../../support/fixtures.ts";
import type { SagaWorld } from "../../support/saga_world.ts";
import type { Script } from "../../support/scripted_providers.ts";

/** What writes records into a state itself asks nobody for ownership. */
export const ANY_OWNER: OwnershipRule = { isFree: () => true, now: () => null };

export const HOUR = 3_600_000;

/** A world with one order whose pay has been accepted. */
export async function payIn(
  world: SagaWorld,
  ...charge: readonly Script[]
): Promise<OrderId> {
  world.providers.script("charge", ...charge);
  const id = await world.create();
  await world.pay(id);
  return id;
}

/** Accepted pays that nobody runs yet, as an earlier process left them. */
export function leave(world: SagaWorld, count: number, inMs = 0): void {
  for (let i = 0; i < count; i++) {
    const order = makeOrder({
      payAccepted: true,
      lastSagaNumber: 1,
      sagaSeq: 0,
    });
    const saga = makeSaga(order, {
      number: 1,
      nextAttemptAt: world.clock.wallNow() + inMs,
      createdAt: world.clock.wallNow(),
    });
    world.state.apply(
      makeChange({ orderInsert: order, sagaInsert: saga }),
      ANY_OWNER,
    );
  }
}

/** How many orders are CONFIRMED. */
export function confirmed(world: SagaWorld): number {
  return [...world.state.orders.values()]
    .filter(({ status }) => status === "CONFIRMED").length;
}

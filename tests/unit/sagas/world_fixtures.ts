/** How tests of the saga engine begin. */
import type { OrderId } from "../../../src/orders/ids.ts";
import type { OwnershipRule } from "../../../src/storage/memory_state.ts";
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

/**
 * The real service on what a loss of power has left: it starts, settles everything, and the ledger judges it.
 *
 * Invariant: the providers know what they were asked before the loss, and nothing of what came after.
 */
import type { Intent } from "../support/ledger/facts.ts";
import { judge, type Verdict } from "../support/ledger/mod.ts";
import { readEffects } from "../support/ledger/read_effects.ts";
import { readEvents } from "../support/ledger/read_events.ts";
import { readStore } from "../support/ledger/read_store.ts";
import type { Promises } from "../support/powerloss/judge_image.ts";
import { startService } from "../support/service_process.ts";
import { World } from "../shutdown/world.ts";

/** @param before the world that the run was recorded in */
export async function settleImage(
  before: World,
  dataDir: string,
  promises: Promises,
): Promise<Verdict> {
  const asked = new Set(
    promises.requested.map(({ sagaId, step }) => `${sagaId}:${step}`),
  );
  await using world = await World.create({
    payment: before.payment.ledger.filter(({ key }) => asked.has(key)),
    inventory: before.inventory.ledger.filter(({ key }) => asked.has(key)),
  });
  await using service = await startService({ ...world.options(), dataDir });
  await world.quiet(service);
  await service.stop();
  return judge({
    ...readStore(`${dataDir}/oms.db`),
    intents: intentsAt(promises),
    effects: [
      ...readEffects(`${world.dir}/payment.ndjson`),
      ...readEffects(`${world.dir}/inventory.ndjson`),
    ],
    events: readEvents(`${dataDir}/events.ndjson`),
    incidents: [],
  });
}

/** An answer that was not sent by then is no promise. */
function intentsAt({ intents, acknowledged }: Promises): Intent[] {
  const answered = new Set(acknowledged.map(({ key }) => key));
  return [...intents.values()].map((intent) => ({
    ...intent,
    replays: [],
    outcome: answered.has(intent.key) ? intent.outcome : { kind: "unanswered" },
  }));
}

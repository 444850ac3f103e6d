/**
 * Troubles around the service: begun here, lifted by what is returned.
 *
 * Invariant: lifting twice is the same as lifting once.
 */
import type { Knobs } from "../providers/knobs.ts";
import type { Stage } from "../demo/stage.ts";
import { damageFiles, endsService } from "./file_damage.ts";
import type { Tally } from "./tally.ts";
import type { BrokerTrouble, ProviderTrouble, Trouble } from "./faults.ts";

export type Lifter = () => Promise<void>;

const nothing: Lifter = () => Promise.resolve();

const KNOBS: Readonly<
  Record<Exclude<ProviderTrouble, "outage">, Partial<Knobs>>
> = {
  // Some answers come after the service has given them up (500 ms in these runs).
  slow: { latency_ms: 200, jitter_ms: 500 },
  declines: { decline_rate: 0.5 },
  unknowns: { unknown_rate: 0.7 },
  hang: { unknown_rate: 1, unknown_modes: ["hang", "hang_after"] },
};

/** @param tally takes what the trouble itself shows to be wrong */
export async function beginTrouble(
  stage: Stage,
  tally: Tally,
  trouble: Trouble,
): Promise<Lifter> {
  switch (trouble.kind) {
    case "none":
      return nothing;
    case "providers":
      if (trouble.how === "outage") await stage.providers.stop();
      else stage.providers.setKnobs(KNOBS[trouble.how]);
      return () => stage.providers.restore();
    case "broker":
      return await beginBrokerTrouble(stage, trouble.how);
    case "clock":
      stage.moveWallClock(trouble.aheadMs);
      return () => Promise.resolve(stage.moveWallClock(0));
    case "pause": {
      const { service } = stage;
      service.signal("SIGSTOP");
      return () => Promise.resolve(service.signal("SIGCONT"));
    }
    case "full-disk": {
      const { disk } = stage;
      if (disk === null) throw new Error("Cannot fill the disk: it is shared");
      await disk.shrink(trouble.spareKiB);
      return () => disk.giveBack();
    }
    case "files": {
      const { how } = trouble;
      const { answered, mend } = await damageFiles(stage, how);
      return once(async () => {
        const keys = endsService(how) ? answered() : [];
        if (keys.length > 0) {
          tally.violations.push(
            `after ${how} the service answered ${keys.join(", ")}`,
          );
        }
        await mend();
      });
    }
  }
}

function once(lift: Lifter): Lifter {
  let lifted: Promise<void> | null = null;
  return () => lifted ??= lift();
}

async function beginBrokerTrouble(
  { broker }: Stage,
  how: BrokerTrouble,
): Promise<Lifter> {
  if (broker === null) throw new Error("Cannot trouble the broker: none runs");
  switch (how) {
    case "pause":
      broker.node.pause();
      break;
    case "kill":
      await broker.node.kill();
      break;
    case "restart":
      await broker.node.stop();
      break;
  }
  return () => broker.node.ensureUp();
}

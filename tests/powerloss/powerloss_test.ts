/**
 * Acknowledged means durable, shown by losing power instead of killing: SIGKILL leaves the page cache, a loss of
 * power takes it. POWERLOSS_SEED repeats a run's choices (the load itself is real, and no two are the same),
 * POWERLOSS_IMAGES says how many moments are judged.
 */
import { assert, assertEquals } from "@std/assert";
import { printVerdict } from "../support/ledger/mod.ts";
import { allCuts, someCuts } from "../support/powerloss/cuts.ts";
import { losePower } from "../support/powerloss/lose_power.ts";
import { Random } from "../support/simulation/random.ts";
import { randomSeed } from "../../tools/load/random.ts";
import { World } from "../shutdown/world.ts";
import { describe, judgeLosses, promisesAt, withImage } from "./losses.ts";
import { recordRun } from "./recorded_run.ts";
import { powerlossTest } from "./requirement.ts";
import { settleImage } from "./restart.ts";

const SEED = Number(Deno.env.get("POWERLOSS_SEED") ?? randomSeed());
const IMAGES = Number(Deno.env.get("POWERLOSS_IMAGES") ?? 400);
/** Of those that the real service is started on. */
const RESTARTS = 6;

Deno.test(powerlossTest(
  "power lost at any moment of three lives under load: everything acknowledged is there, nothing is half there, no event is lost",
  async () => {
    await using world = await World.create();
    const run = await recordRun(world, {
      seed: SEED,
      // Every few batches: the loss may also fall between two event files.
      env: { OMS_EVENTS_FILE_MAX_BYTES: "20000" },
      lives: [
        { end: "SIGKILL", acknowledgements: 60 },
        { end: "SIGTERM", acknowledgements: 60 },
        { end: "SIGKILL", acknowledgements: 60 },
      ],
    });
    const { losses, summary } = await judgeLosses(
      run,
      world.intents,
      IMAGES,
      SEED,
    );
    console.log(summary);
    assertEquals(losses.length, 0, `${summary}\n${describe(losses)}`);

    const random = new Random(SEED);
    const events = run.lives.flatMap(({ events }) => events);
    const cuts = someCuts(
      allCuts(events, run.acknowledged, run.root, random),
      RESTARTS,
      random,
    );
    await losePower(run.root, run.lives, cuts, random, async (cut, image) => {
      const promises = promisesAt(run, world.intents, cut);
      const verdict = await withImage(
        image,
        (folder) => settleImage(world, `${folder}/${run.dataDir}`, promises),
      );
      assert(
        verdict.ok,
        `seed ${SEED}, at ${cut.at} (${cut.kind}):\n${printVerdict(verdict)}`,
      );
    });
  },
));

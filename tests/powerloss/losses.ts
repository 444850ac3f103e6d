/** Cuts a recorded run's power at many moments, and judges what each has left. */
import type { Intent } from "../support/ledger/facts.ts";
import { allCuts, type Cut, someCuts } from "../support/powerloss/cuts.ts";
import type { Image } from "../support/powerloss/disk.ts";
import { judgeImage, type Promises } from "../support/powerloss/judge_image.ts";
import { losePower, writeImage } from "../support/powerloss/lose_power.ts";
import { Random } from "../support/simulation/random.ts";
import type { RecordedRun } from "./recorded_run.ts";

/** A moment whose image does not hold what it should. */
export interface Loss {
  readonly cut: Cut;
  readonly problems: readonly string[];
}

export interface Losses {
  readonly images: number;
  readonly losses: readonly Loss[];
  /** For people. */
  readonly summary: string;
}

/** In memory where the machine has such a folder: opening an image syncs it. */
const IMAGES_IN = "/dev/shm";

/** @param images how many moments are judged, one image each */
export async function judgeLosses(
  run: RecordedRun,
  intents: readonly Intent[],
  images: number,
  seed: number,
): Promise<Losses> {
  const random = new Random(seed);
  const events = run.lives.flatMap(({ events }) => events);
  const all = allCuts(events, run.acknowledged, run.root, random);
  const cuts = someCuts(all, images, random);
  const losses: Loss[] = [];
  await losePower(run.root, run.lives, cuts, random, async (cut, image) => {
    const problems = await withImage(
      image,
      (folder) =>
        judgeImage(`${folder}/${run.dataDir}`, promisesAt(run, intents, cut)),
    );
    if (problems.length > 0) losses.push({ cut, problems });
  });
  const kinds = [...Map.groupBy(cuts, ({ kind }) => kind)]
    .map(([kind, { length }]) => `${length} ${kind}`).join(", ");
  return {
    images: cuts.length,
    losses,
    summary: `seed ${seed}: ${run.acknowledged.length} acknowledgements, ` +
      `${run.requested.length} provider requests, ${events.length} events; ` +
      `${cuts.length} moments (${kinds}), ${losses.length} with losses`,
  };
}

/** What somebody may know by then. */
export function promisesAt(
  { acknowledged, requested }: RecordedRun,
  intents: readonly Intent[],
  { at }: Cut,
): Promises {
  return {
    acknowledged: acknowledged.filter((each) => each.at < at),
    requested: requested.filter((each) => each.at < at),
    intents: new Map(intents.map((intent) => [intent.key, intent])),
  };
}

/** The image as a folder, gone afterwards. */
export async function withImage<T>(
  image: Image,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const dir = await Deno.stat(IMAGES_IN).then(() => IMAGES_IN, () => undefined);
  const folder = await Deno.makeTempDir({ dir, prefix: "oms_powerloss_" });
  try {
    await writeImage(image, folder);
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The first problems, for a failed assertion. */
export function describe(losses: readonly Loss[]): string {
  return losses.slice(0, 10).map(({ cut, problems }) =>
    `at ${cut.at} (${cut.kind}), ${problems.length} problems: ${problems[0]}`
  ).join("\n");
}

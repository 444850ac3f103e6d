/**
 * The real service under load, through several lives, with everything that it asks of the disk and of its
 * sockets on record.
 *
 * Invariant: the record is checked: played without a loss of power it gives the very files that each life left.
 */
import type { Image } from "../support/powerloss/disk.ts";
import { readSent } from "../support/powerloss/answers.ts";
import type { Acknowledged, Requested } from "../support/powerloss/promises.ts";
import { checkRecord, type Life } from "../support/powerloss/lose_power.ts";
import { traced } from "../support/powerloss/strace.ts";
import { parseTrace } from "../support/powerloss/trace.ts";
import { serviceCommand } from "../support/service_command.ts";
import { startService } from "../support/service_process.ts";
import { Random } from "../support/simulation/random.ts";
import { until } from "../support/until.ts";
import type { World } from "../shutdown/world.ts";
import { Lane } from "./lane.ts";

/** Positions are indices into the events of all lives, one after the other. */
export interface RecordedRun {
  /** Certain to exist; the data folder lies some folders deeper and is made by the service. */
  readonly root: string;
  /** From the root. */
  readonly dataDir: string;
  readonly lives: readonly Life[];
  readonly acknowledged: readonly Acknowledged[];
  readonly requested: readonly Requested[];
}

export interface RunOptions {
  readonly seed: number;
  /** How each life ends, and after how many acknowledgements of its own. */
  readonly lives: readonly {
    readonly end: "SIGKILL" | "SIGTERM";
    readonly acknowledgements: number;
  }[];
  /** Default: the service as it is shipped. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const LANES = 3;
const LOAD_WITHIN_MS = 120_000;
const DATA_DIR = "deep/deeper/data";

export async function recordRun(
  world: World,
  options: RunOptions,
): Promise<RecordedRun> {
  const root = `${world.dir}/disk`;
  await Deno.mkdir(root);
  const random = new Random(options.seed);
  const lives: Life[] = [];
  const acknowledged = new Map<string, Acknowledged>();
  const requested: Requested[] = [];
  let offset = 0;
  for (const { end, acknowledgements } of options.lives) {
    const trace = `${world.dir}/trace`;
    const before = acked(world);
    const unanswered = world.intents.filter(({ outcome }) =>
      outcome.kind === "unanswered"
    );
    await using service = await startService({
      ...world.options({ env: options.env }),
      dataDir: `${root}/${DATA_DIR}`,
      command: traced(options.command ?? serviceCommand(), trace),
    });
    const reader = world.client(service);
    const lanes = Array.from(
      { length: LANES },
      () => new Lane(world, world.client(service), reader),
    );
    const running = lanes.map((lane) =>
      lane.run(new Random(random.int(1, 1e9)), unanswered)
    );
    await until(
      `${acknowledgements} acknowledgements`,
      () => acked(world) - before >= acknowledgements,
      LOAD_WITHIN_MS,
    );
    if (end === "SIGKILL") await service.kill();
    else await service.stop("SIGTERM");
    await Promise.all(running);
    const events = parseTrace(await Deno.readTextFile(trace));
    const sent = readSent(events);
    for (const lane of lanes) {
      for (const [key, { at, message }] of lane.answered(sent.answers)) {
        if (acknowledged.has(key)) continue;
        acknowledged.set(key, { key, at: offset + at, message });
      }
    }
    requested.push(
      ...sent.requests.map(({ at, ...rest }) => ({ ...rest, at: offset + at })),
    );
    lives.push({ events, left: await filesBelow(root) });
    offset += events.length;
  }
  const run = {
    root,
    dataDir: DATA_DIR,
    lives,
    acknowledged: [...acknowledged.values()],
    requested,
  };
  checkRecord(root, lives);
  return run;
}

function acked(world: World): number {
  return world.intents.filter(({ outcome }) => outcome.kind === "acknowledged")
    .length;
}

/** Without SQLite's shared memory. */
async function filesBelow(root: string): Promise<Image> {
  const files = new Map<string, Uint8Array | null>();
  const enter = async (path: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${root}/${path}`)) {
      const below = `${path}${name}`;
      if (isDirectory) {
        files.set(below, null);
        await enter(`${below}/`);
      } else if (!name.endsWith("-shm")) {
        files.set(below, await Deno.readFile(`${root}/${below}`));
      }
    }
  };
  await enter("");
  return files;
}

/** What the loss of power has to show: services and records with a mistake, each of which is found. */
import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { TraceEvent } from "../support/powerloss/trace.ts";
import { World } from "../shutdown/world.ts";
import { judgeLosses, type Losses } from "./losses.ts";
import { type RecordedRun, recordRun } from "./recorded_run.ts";
import { powerlossTest } from "./requirement.ts";

const SEED = 1;
const IMAGES = 120;
const ONE_LIFE = [{ end: "SIGKILL", acknowledgements: 40 }] as const;
const CARELESS = fileURLToPath(
  new URL("../support/powerloss/careless/main.ts", import.meta.url),
);

function assertFound({ losses, summary }: Losses, problem: RegExp): void {
  console.log(summary);
  assert(
    losses.some(({ problems }) => problems.some((each) => problem.test(each))),
    `no ${problem} was found: ${summary}`,
  );
}

for (
  const [careless, problem] of [
    ["OFF", /^lost: the \w+ of /],
    ["NORMAL", /^lost: the \w+ of /],
    ["publisher", /^lost: event \S+ is marked as sent/],
  ] as const
) {
  const what = careless === "publisher"
    ? "a publisher that does not wait for its sync"
    : `a store with synchronous=${careless}`;
  Deno.test(powerlossTest(`${what} is found`, async () => {
    await using world = await World.create();
    const run = await recordRun(world, {
      seed: SEED,
      lives: ONE_LIFE,
      command: [Deno.execPath(), "run", "-A", CARELESS],
      env: { POWERLOSS_CARELESS: careless },
    });
    assertFound(
      await judgeLosses(run, world.intents, IMAGES, SEED),
      problem,
    );
  }));
}

Deno.test(powerlossTest(
  "in the record of a service that is in order: its syncs left out are found, and answers sent as their sync begins",
  async () => {
    await using world = await World.create();
    const run = await recordRun(world, { seed: SEED, lives: ONE_LIFE });
    const judge = (changed: RecordedRun) =>
      judgeLosses(changed, world.intents, IMAGES, SEED);
    assertFound(await judge(withoutSyncs(run)), /^lost: the \w+ of /);
    assertFound(await judge(answeredEarly(run)), /^lost: the \w+ of /);
  },
));

function withoutSyncs(run: RecordedRun): RecordedRun {
  const without = ({ kind, call }: TraceEvent): TraceEvent => ({
    kind,
    call: isSync(call.name) ? { ...call, name: "close" } : call,
  });
  return {
    ...run,
    lives: run.lives.map(({ events, left }) => ({
      events: events.map(without),
      left,
    })),
  };
}

/** Each answer at the beginning of the last sync before it. */
function answeredEarly(run: RecordedRun): RecordedRun {
  const events = run.lives.flatMap(({ events }) => events);
  return {
    ...run,
    acknowledged: run.acknowledged.map((each) => ({
      ...each,
      at: events.findLastIndex(({ kind, call }, index) =>
        index < each.at && kind === "begin" && isSync(call.name) &&
        call.args.includes("-wal")
      ),
    })),
  };
}

function isSync(name: string): boolean {
  return name === "fsync" || name === "fdatasync";
}

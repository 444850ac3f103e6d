/**
 * What happens to clusters: leaders that die, hang, move, restart.
 *
 * Invariant: each trouble ends with all nodes up and all copies of the topics in sync again. What it does follows
 * from its random numbers; when it does it is the operating system's matter, too.
 */
import { systemClock } from "@oms/lifecycle";
import { between, oneOf, type Random } from "../../../tools/load/random.ts";
import { until } from "../until.ts";
import type { Cluster } from "./cluster.ts";

/** For an election, or for a node that catches up, on a busy machine, in ms. */
const SETTLED_MS = 60_000;
/** Between two moves of leaders, in ms. */
const MOVE_EVERY = { from: 50, to: 800 } as const;

/** @returns for people: what was done */
export type Trouble = (
  cluster: Cluster,
  topics: readonly string[],
  random: Random,
) => Promise<string>;

/** SIGKILL of a leader; it comes back once others lead. */
export const killLeader: Trouble = async (cluster, topics, random) => {
  const id = await someLeader(cluster, topics, random);
  await cluster.node(id).kill();
  await until("other leaders", async () => {
    const places = await cluster.places(topics);
    return places.every(({ leader }) => leader > 0 && leader !== id);
  }, SETTLED_MS);
  await cluster.node(id).start();
  await whole(cluster, topics);
  return `SIGKILL of node ${id}`;
};

/** SIGSTOP of a leader, too short for anyone to notice or long enough to lose the lead meanwhile (2 s), then SIGCONT. */
export const pauseLeader: Trouble = async (cluster, topics, random) => {
  const id = await someLeader(cluster, topics, random);
  const ms = oneOf(random, [between(random, 200, 1_500), 5_000, 7_000]);
  cluster.node(id).pause();
  try {
    await systemClock.sleep(ms);
  } finally {
    cluster.node(id).resume();
  }
  await whole(cluster, topics);
  return `SIGSTOP of node ${id} for ${ms} ms`;
};

/** An operator gives partitions other leaders, several times. */
export const moveLeaders: Trouble = async (cluster, topics, random) => {
  const moves = between(random, 5, 10);
  for (let count = 0; count < moves; count++) {
    await moveOnce(cluster, topics, random);
  }
  return `${moves} moves of leaders`;
};

/** Every node is restarted in order, the next one when all copies are in sync. */
export const rollingRestart: Trouble = async (cluster, topics) => {
  for (const node of cluster.nodes) {
    await node.stop();
    await node.start();
    await whole(cluster, topics);
  }
  return "rolling restart";
};

/** Moves leaders until it is stopped; then all of them serve. */
export function keepMoving(
  cluster: Cluster,
  topics: readonly string[],
  random: Random,
): { readonly stop: () => Promise<void> } {
  let stopped = false;
  const moving = (async () => {
    while (!stopped) await moveOnce(cluster, topics, random);
    await cluster.served(topics);
  })();
  // Seen by whoever stops it.
  moving.catch(() => {});
  return {
    stop: () => {
      stopped = true;
      return moving;
    },
  };
}

async function moveOnce(
  cluster: Cluster,
  topics: readonly string[],
  random: Random,
): Promise<void> {
  const places = await cluster.places(topics);
  await cluster.lead(
    places.map(({ topic, partition }) => ({
      topic,
      partition,
      leader: between(random, 1, cluster.nodes.length),
    })),
  );
  await systemClock.sleep(between(random, MOVE_EVERY.from, MOVE_EVERY.to));
}

async function someLeader(
  cluster: Cluster,
  topics: readonly string[],
  random: Random,
): Promise<number> {
  const leaders = (await cluster.places(topics)).map(({ leader }) => leader);
  const [first = 1, ...others] = new Set(leaders);
  return oneOf(random, [first, ...others]);
}

async function whole(
  cluster: Cluster,
  topics: readonly string[],
): Promise<void> {
  await until("copies in sync", () => cluster.whole(topics), SETTLED_MS);
  await cluster.served(topics);
}

/**
 * A cluster of three nodes, each broker and controller in one: every partition on all three, two of which have to
 * have what is acknowledged (min.insync.replicas=2).
 *
 * Invariants: data and ports stay the same over restarts; disposing ends the JVMs that were started here and removes
 * their directories, and the end of this process does so in any case.
 * Not promised: that it serves while two nodes are away; nodes on machines of their own.
 */
import { Broker } from "./broker.ts";
import { electPreferred } from "./elect.ts";
import { BrokerError } from "./errors.ts";
import { findJars, kafkaVersion } from "./jars.ts";
import { formatStorage, newClusterId, nodeCommand } from "./jvm.ts";
import { KafkaSide } from "./kafka_side.ts";
import { freePort } from "../free_port.ts";
import { until } from "../until.ts";
import { nodeProperties, plainListener } from "./properties.ts";

const NODES = [1, 2, 3] as const;
const PROPERTIES = [
  // How long a leader waits for a copy that does not follow.
  "replica.lag.time.max.ms=2000",
  // Leaders move when the test says so.
  "auto.leader.rebalance.enable=false",
];

/** A partition's leader and the nodes that have all of it. */
export interface PartitionPlace {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
  readonly inSync: readonly number[];
}

export class Cluster extends KafkaSide implements AsyncDisposable {
  readonly nodes: readonly Broker[];

  constructor(nodes: readonly Broker[]) {
    super(nodes.map(({ address }) => address).join(","), nodes.length);
    this.nodes = nodes;
  }

  /** @throws BrokerError when there is none */
  node(id: number): Broker {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new BrokerError(`Cannot find node ${id}`);
    return node;
  }

  async places(topics: readonly string[]): Promise<PartitionPlace[]> {
    return await this.asAdmin(async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
      return metadata.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionId, leader, isr }) => ({
          topic: name,
          partition: partitionId,
          leader,
          inSync: isr,
        }))
      );
    });
  }

  /** True when the node that is asked knows all nodes, and one to take admins' requests. */
  async complete(): Promise<boolean> {
    const { brokers, controller } = await this.asAdmin((admin) =>
      admin.describeCluster()
    );
    return brokers.length === this.nodes.length && controller !== null;
  }

  /** True when all nodes have all of the topics' partitions. */
  async whole(topics: readonly string[]): Promise<boolean> {
    return (await this.places(topics)).every(({ inSync }) =>
      inSync.length === this.nodes.length
    );
  }

  /**
   * Makes nodes the leaders of partitions: first in the list of replicas, then elected. No data moves, all nodes have
   * it already.
   */
  async lead(
    moves: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly leader: number;
    }[],
  ): Promise<void> {
    const topics = [...Map.groupBy(moves, ({ topic }) => topic)].map(
      ([topic, ours]) => ({
        topic,
        partitionAssignment: ours.map(({ partition, leader }) => ({
          partition,
          replicas: [leader, ...NODES.filter((id) => id !== leader)],
        })),
      }),
    );
    await this.asAdmin((admin) =>
      admin.alterPartitionReassignments({ topics })
    );
    await electPreferred(
      this.nodes[0]?.address ?? "",
      topics.map(({ topic, partitionAssignment }) => ({
        topic,
        partitions: partitionAssignment.map(({ partition }) => partition),
      })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** Starts one in fresh directories. @throws BrokerError, KafkaUnavailableError */
export async function startCluster(
  properties: readonly string[] = [],
): Promise<Cluster> {
  const jars = await findJars(kafkaVersion());
  const clusterId = newClusterId();
  const plans = NODES.map((id) => ({
    id,
    listener: plainListener(freePort()),
    controllerPort: freePort(),
  }));
  const voters = plans.map(({ id, controllerPort }) =>
    `${id}@127.0.0.1:${controllerPort}`
  ).join(",");
  await using stack = new AsyncDisposableStack();
  const nodes = await Promise.all(
    plans.map(async ({ id, listener, controllerPort }) => {
      const dir = await Deno.makeTempDir({ prefix: `oms-kafka-${id}-` });
      const config = `${dir}/server.properties`;
      const address = `${listener.host}:${listener.port}`;
      const node = new Broker(dir, address, nodeCommand(jars, config));
      stack.use(node);
      const lines = nodeProperties({
        id,
        listeners: [listener],
        controllerPort,
        voters,
        nodes: NODES.length,
        dataDir: `${dir}/data`,
      });
      await Deno.writeTextFile(
        config,
        [...lines, ...PROPERTIES, ...properties, ""].join("\n"),
      );
      await formatStorage(jars, config, clusterId);
      return node;
    }),
  );
  await Promise.all(nodes.map((node) => node.start()));
  const cluster = new Cluster(nodes);
  // A node may serve before it has heard of the others.
  await until("three brokers that know each other", () => cluster.complete());
  stack.move();
  return cluster;
}

/** server.properties of a node that is broker and controller in one. */

/** Where clients of one kind connect. */
export interface Listener {
  /** Upper case; its own settings begin with `listener.name.` and the name in lower case. */
  readonly name: string;
  /** Bound and advertised: an address, or a name that clients resolve to 127.0.0.1. */
  readonly host: string;
  readonly port: number;
  readonly protocol: "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
}

export interface NodePlan {
  readonly id: number;
  /** The first is also for the brokers among themselves. */
  readonly listeners: readonly [Listener, ...Listener[]];
  readonly controllerPort: number;
  /** `id@host:port`, comma separated: all controllers. */
  readonly voters: string;
  /** Nodes in all: each partition is on up to three of them. */
  readonly nodes: number;
  readonly dataDir: string;
}

export function plainListener(port: number): Listener {
  return { name: "PLAINTEXT", host: "127.0.0.1", port, protocol: "PLAINTEXT" };
}

export function nodeProperties(plan: NodePlan): string[] {
  const { id, listeners, controllerPort, voters, nodes, dataDir } = plan;
  const replicas = Math.min(nodes, 3);
  const inSync = Math.max(1, replicas - 1);
  const open = listeners.map(({ name, host, port }) =>
    `${name}://${host}:${port}`
  );
  const protocols = listeners.map(({ name, protocol }) =>
    `${name}:${protocol}`
  );
  return [
    "process.roles=broker,controller",
    `node.id=${id}`,
    `controller.quorum.voters=${voters}`,
    `listeners=${[...open, `CONTROLLER://127.0.0.1:${controllerPort}`]}`,
    `advertised.listeners=${open}`,
    `listener.security.protocol.map=${[...protocols, "CONTROLLER:PLAINTEXT"]}`,
    "controller.listener.names=CONTROLLER",
    `inter.broker.listener.name=${listeners[0].name}`,
    `log.dirs=${dataDir}`,
    "auto.create.topics.enable=false",
    `min.insync.replicas=${inSync}`,
    `offsets.topic.replication.factor=${replicas}`,
    "offsets.topic.num.partitions=1",
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${inSync}`,
    "transaction.state.log.num.partitions=1",
    "group.initial.rebalance.delay.ms=0",
    "num.network.threads=2",
    "num.io.threads=2",
    "log.cleaner.dedupe.buffer.size=4194304",
    // After a SIGKILL the next start waits until the dead one's registration has expired: 12 s by default.
    "broker.session.timeout.ms=2000",
    "broker.heartbeat.interval.ms=500",
  ];
}

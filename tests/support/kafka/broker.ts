/**
 * A real Apache Kafka: one KRaft node, broker and controller in one, on ports
 * of its own, that a test may stop, kill, pause and start again.
 *
 * Invariants: data and ports stay the same over restarts; topics exist only
 * when a test has made them; disposing ends the JVM that was started here and
 * removes its directory, and the end of this process does so in any case.
 * Not promised: more than one replica, TLS, SASL. What an acknowledgement means
 * on a cluster is Kafka's own matter.
 */
import { type Admin, type ITopicConfig, Kafka, logLevel } from "kafkajs";
import { BrokerError } from "./errors.ts";
import { findJars, kafkaVersion } from "./jars.ts";
import { run } from "../run_program.ts";
import { Node } from "./node.ts";
import { readTopics, type TopicRecord } from "./records.ts";

/** Logged when the broker is unfenced and its ports are open. */
const READY = "Kafka Server started";
/** On a busy machine; warm it is 2.5 s. */
const START_MS = 90_000;
/** For topics that were just made, in ms. */
const SERVED_MS = 20_000;
const LOOK_MS = 20;
/** Below the range that systems take client ports from: a port stays free while its broker is down. */
const PORTS = { from: 15_000, to: 30_000 } as const;

export interface BrokerOptions {
  /** Of Apache Kafka; default: {@link kafkaVersion}. */
  readonly version?: string;
  /** Lines of server.properties; they win over ours. */
  readonly properties?: readonly string[];
}

/** How a topic is made. */
export interface TopicOptions {
  /** Default 3. */
  readonly partitions?: number;
  /** Such as `max.message.bytes`. */
  readonly config?: Readonly<Record<string, string>>;
}

export class Broker implements AsyncDisposable {
  readonly dir: string;
  /** `host:port`, as in KAFKA_BROKERS. */
  readonly address: string;
  readonly #node: Node;

  constructor(dir: string, port: number, command: readonly string[]) {
    this.dir = dir;
    this.address = `127.0.0.1:${port}`;
    this.#node = new Node(dir, command);
  }

  get running(): boolean {
    return this.#node.running();
  }

  get pid(): number {
    return this.#node.pid();
  }

  /** On the same data and ports; resolves when it serves. @throws BrokerError */
  start(): Promise<void> {
    return this.#node.start(READY, START_MS);
  }

  /** An orderly stop; within a second. */
  stop(): Promise<void> {
    return this.#node.stop();
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#node.kill();
  }

  /** SIGSTOP: connections are accepted by the kernel, nothing is answered. */
  pause(): void {
    this.#node.signal("SIGSTOP");
  }

  resume(): void {
    this.#node.signal("SIGCONT");
  }

  /** Whatever the test before has left: it serves now. @throws BrokerError */
  async ensureUp(): Promise<void> {
    if (this.running) this.resume();
    else await this.start();
  }

  /** @throws KafkaJSError when one exists already or the broker is away */
  async createTopics(
    names: readonly string[],
    { partitions = 3, config = {} }: TopicOptions = {},
  ): Promise<void> {
    const topics = names.map((topic): ITopicConfig => ({
      topic,
      numPartitions: partitions,
      configEntries: Object.entries(config)
        .map(([name, value]) => ({ name, value })),
    }));
    await this.#asAdmin(async (admin) => {
      await admin.createTopics({ topics, waitForLeaders: false });
      // The library's own wait gives up at the first look that comes too early.
      const end = performance.now() + SERVED_MS;
      while (!await areServed(admin, names)) {
        if (performance.now() > end) {
          throw new BrokerError(
            `Cannot use ${names}: not served after ${SERVED_MS} ms`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    });
  }

  /**
   * Forbids writing to a topic, as an operator's mistake would.
   * Needs the broker's authorizer (ours has it). Disposing allows it again.
   */
  async forbidWrite(topic: string): Promise<AsyncDisposable> {
    const { AclResourceTypes, ResourcePatternTypes } = await import("kafkajs");
    const { AclOperationTypes, AclPermissionTypes } = await import("kafkajs");
    const acl = {
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: "User:ANONYMOUS",
      host: "*",
      operation: AclOperationTypes.WRITE,
      permissionType: AclPermissionTypes.DENY,
    };
    await this.#asAdmin((admin) => admin.createAcls({ acl: [acl] }));
    const allow = () =>
      this.#asAdmin(async (admin) => {
        await admin.deleteAcls({ filters: [acl] });
      });
    return { [Symbol.asyncDispose]: allow };
  }

  /** Everything that is on the topics now, by topic, partition and offset. */
  consumeAll(...topics: string[]): Promise<TopicRecord[]> {
    return readTopics(this.client(), topics);
  }

  /** For people: address, state, pid, directory. */
  describe(): string {
    const state = this.running ? `pid ${this.pid}` : "not running";
    return `Kafka at ${this.address}, ${state}, ${this.dir}`;
  }

  /** A client for a test's own side. */
  client(): Kafka {
    return new Kafka({
      brokers: [this.address],
      clientId: "test",
      logLevel: logLevel.NOTHING,
      requestTimeout: 10_000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 30 },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.dir, { recursive: true });
  }

  async #asAdmin<T>(
    work: (admin: Admin) => Promise<T>,
  ): Promise<void> {
    const admin = this.client().admin();
    try {
      await admin.connect();
      await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

/**
 * Starts a broker in a fresh directory. @throws BrokerError,
 * KafkaUnavailableError
 */
export async function startBroker(
  options: BrokerOptions = {},
): Promise<Broker> {
  const dir = await Deno.makeTempDir({ prefix: "oms-kafka-" });
  try {
    const broker = await prepareBroker(dir, options);
    await broker.start();
    return broker;
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

/** Formats an empty directory; nothing runs yet. */
export async function prepareBroker(
  dir: string,
  { version = kafkaVersion(), properties = [] }: BrokerOptions,
): Promise<Broker> {
  const jars = await findJars(version);
  const [port, controllerPort] = [freePort(), freePort()];
  await Deno.writeTextFile(
    `${dir}/server.properties`,
    [...serverProperties(dir, port, controllerPort), ...properties, ""]
      .join("\n"),
  );
  const [java = "java", ...args] = jvm(jars);
  const formatted = await run(java, [
    ...[...args, "kafka.tools.StorageTool", "format", "-t", clusterId()],
    ...["-c", `${dir}/server.properties`],
  ]);
  if (!formatted?.success) {
    throw new BrokerError(
      `Cannot format ${dir}: ${formatted?.stdout}${formatted?.stderr}`,
    );
  }
  await Deno.writeTextFile(
    `${dir}/broker.json`,
    JSON.stringify({ port, jars }),
  );
  return openBroker(dir);
}

/** The broker of a prepared directory, running or not. */
export function openBroker(dir: string): Broker {
  const { port, jars } = JSON.parse(
    Deno.readTextFileSync(`${dir}/broker.json`),
  );
  const command = [...jvm(jars), "kafka.Kafka", `${dir}/server.properties`];
  return new Broker(dir, port, command);
}

function jvm(jars: string): string[] {
  return [
    ...["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"],
    ...["-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"],
    ...["-Djava.net.preferIPv4Stack=true"],
    ...["-Dorg.slf4j.simpleLogger.showDateTime=true"],
    ...["-cp", `${jars}/*`],
  ];
}

function serverProperties(
  dir: string,
  port: number,
  controllerPort: number,
): string[] {
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names=CONTROLLER",
    "inter.broker.listener.name=PLAINTEXT",
    `log.dirs=${dir}/data`,
    "auto.create.topics.enable=false",
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "transaction.state.log.num.partitions=1",
    "group.initial.rebalance.delay.ms=0",
    "num.network.threads=2",
    "num.io.threads=2",
    "log.cleaner.dedupe.buffer.size=4194304",
    // After a SIGKILL the next start waits until the dead one's registration has expired: 12 s by default.
    "broker.session.timeout.ms=2000",
    "broker.heartbeat.interval.ms=500",
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=true",
  ];
}

/** The metadata names a leader a moment before it serves: only an answer of the leader counts. */
async function areServed(
  admin: Admin,
  names: readonly string[],
): Promise<boolean> {
  try {
    for (const name of names) await admin.fetchTopicOffsets(name);
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "KafkaJSProtocolError") {
      return false;
    }
    throw error;
  }
}

/** A base64url UUID that does not begin with "-": the tool would take it for an option. */
function clusterId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes.set([(bytes[0] ?? 0) & 0x7f]);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @throws BrokerError when a hundred tries find none */
function freePort(): number {
  const { from, to } = PORTS;
  for (let tries = 0; tries < 100; tries++) {
    const port = from + Math.floor(Math.random() * (to - from));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new BrokerError(`Cannot find a free port from ${from} to ${to}`);
}

/**
 * A Kafka, of one broker or of several, from a test's own side: its topics, what is on them, who may write.
 *
 * Invariant: topics exist only when a test has made them, and serve once `createTopics` has resolved.
 */
import { type Admin, type ITopicConfig, Kafka, logLevel } from "kafkajs";
import { fromLeaders } from "./from_leaders.ts";
import { readTopics, type TopicRecord } from "./records.ts";

/** How a topic is made. */
export interface TopicOptions {
  /** Default 3. */
  readonly partitions?: number;
  /** Such as `max.message.bytes`. */
  readonly config?: Readonly<Record<string, string>>;
}

export class KafkaSide {
  /** As in KAFKA_BROKERS. */
  readonly address: string;
  /** Copies of each partition. */
  readonly #replicas: number;

  constructor(address: string, replicas: number) {
    this.address = address;
    this.#replicas = replicas;
  }

  /** @throws KafkaJSError when one exists already or the broker is away */
  async createTopics(
    names: readonly string[],
    { partitions = 3, config = {} }: TopicOptions = {},
  ): Promise<void> {
    const topics = names.map((topic): ITopicConfig => ({
      topic,
      numPartitions: partitions,
      replicationFactor: this.#replicas,
      configEntries: Object.entries(config)
        .map(([name, value]) => ({ name, value })),
    }));
    await this.asAdmin((admin) =>
      admin.createTopics({ topics, waitForLeaders: false })
    );
    // The library's own wait gives up at the first look that comes too early.
    await this.served(names);
  }

  /** Waits until every partition's leader answers. @throws BrokerError */
  async served(topics: readonly string[]): Promise<void> {
    await this.asAdmin(async (admin) => {
      for (const topic of topics) {
        await fromLeaders(topic, () => admin.fetchTopicOffsets(topic));
      }
    });
  }

  /**
   * Forbids a user to write to a topic, as an operator's mistake would.
   * Needs the broker's authorizer (ours has it). Disposing allows it again.
   *
   * @param user ANONYMOUS: who has not said who they are
   */
  async forbidWrite(
    topic: string,
    user = "ANONYMOUS",
  ): Promise<AsyncDisposable> {
    const { AclResourceTypes, ResourcePatternTypes } = await import("kafkajs");
    const { AclOperationTypes, AclPermissionTypes } = await import("kafkajs");
    const acl = {
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${user}`,
      host: "*",
      operation: AclOperationTypes.WRITE,
      permissionType: AclPermissionTypes.DENY,
    };
    await this.asAdmin((admin) => admin.createAcls({ acl: [acl] }));
    const allow = () =>
      this.asAdmin(async (admin) => {
        await admin.deleteAcls({ filters: [acl] });
      });
    return { [Symbol.asyncDispose]: allow };
  }

  /** Everything that is on the topics now, by topic, partition and offset. */
  consumeAll(...topics: string[]): Promise<TopicRecord[]> {
    return readTopics(this.client(), topics);
  }

  /** A client for a test's own side. */
  client(): Kafka {
    return new Kafka({
      brokers: this.address.split(","),
      clientId: "test",
      logLevel: logLevel.NOTHING,
      requestTimeout: 10_000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 30 },
    });
  }

  async asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.client().admin();
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

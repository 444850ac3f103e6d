/** kafkajs' own sending, over two brokers that exist only here: what it calls done, and what has been written. */
import { assertEquals, assertRejects } from "@std/assert";
import { createRequire } from "node:module";
import {
  Kafka,
  type Message,
  type Producer,
  type ProducerRecord,
} from "kafkajs";
import { kafkaProducerFactory } from "../../../src/events/kafka_config.ts";
import {
  type PartitionAck,
  SendWatch,
  UnacknowledgedError,
} from "../../../src/events/send_watch.ts";

type Send = (
  batch: {
    acks: number;
    topicMessages: { topic: string; messages: Message[] }[];
  },
) => Promise<PartitionAck[]>;

interface Produce {
  topicData: { partitions: { partition: number; messages: Message[] }[] }[];
}

const require = createRequire(import.meta.url);
/** Not part of its types: the function behind `producer.send`. */
const createSend: (parts: unknown) => Send = require(
  "kafkajs/src/producer/sendMessages.js",
);
const retry: (options: unknown) => unknown = require("kafkajs/src/retry");

/** Partition i is led by node `leaders[i]`, and by `later[i]` once a send has failed. Node 1 fails its first. */
function cluster(watch: SendWatch, leaders: number[], later: number[]) {
  const written: string[] = [];
  let lead = leaders;
  let failures = 1;
  const brokers = [0, 1].map((nodeId) => ({
    nodeId,
    produce: ({ topicData }: Produce) => {
      if (nodeId === 1 && failures-- > 0) {
        const error = new Error("not the leader");
        Object.assign(error, { type: "NOT_LEADER_FOR_PARTITION" });
        return Promise.reject(Object.assign(error, { retriable: true }));
      }
      const partitions = topicData.flatMap(({ partitions }) => partitions);
      written.push(
        ...partitions.flatMap(({ messages }) =>
          messages.map(({ key }) => String(key))
        ),
      );
      const acks = partitions.map(({ partition }) => ({
        partition,
        errorCode: 0,
      }));
      const topics = [{ topicName: "t", partitions: acks }];
      return Promise.resolve({ topics });
    },
  }));
  const send = createSend({
    logger: { debug: () => {}, error: () => {} },
    partitioner: watch.partitioner(),
    retrier: retry({ initialRetryTime: 1, maxRetryTime: 2, retries: 3 }),
    eosManager: {
      acquireBrokerLock: () => {},
      releaseBrokerLock: () => {},
      isTransactional: () => false,
      getSequence: () => 0,
      updateSequence: () => {},
      getProducerId: () => 1,
      getProducerEpoch: () => 0,
    },
    cluster: {
      targetTopics: new Set(),
      isConnected: () => true,
      addMultipleTargetTopics: () => {},
      removeBroker: () => {},
      refreshMetadataIfNecessary: () => {},
      refreshMetadata: () => void (lead = later),
      findBroker: ({ nodeId }: { nodeId: string }) => brokers[Number(nodeId)],
      findTopicPartitionMetadata: () =>
        lead.map((leader, partitionId) => ({ partitionId, leader })),
      findLeaderForPartitions: (_topic: string, partitions: string[]) =>
        Object.groupBy(
          partitions.map(Number),
          (partition) => lead[partition] ?? 0,
        ),
    },
  });
  const keys = Array.from({ length: 20 }, (_, i) => `ord_${i}`);
  const messages = keys.map((key) => ({ key, value: key }));
  const run = async () => {
    watch.begin();
    const topicMessages = [{ topic: "t", messages }];
    return await send({ acks: -1, topicMessages });
  };
  return { run, written, keys };
}

Deno.test("F41 a leader that moves during a send to a broker that has answered: kafkajs sends its records to nobody, and we know", async () => {
  const watch = new SendWatch();
  const { run, written, keys } = cluster(watch, [0, 1], [0, 0]);
  const acks = await run();
  // The defect that the watch is for; once kafkajs has none, the watch can go.
  assertEquals(written.length < keys.length, true);
  await assertRejects(
    () => Promise.try(() => watch.check(acks)),
    UnacknowledgedError,
    "partition 1",
  );
});

Deno.test("F41 a leader that stays, or moves to one that has not answered: all is acknowledged", async () => {
  const watch = new SendWatch();
  const { run, written, keys } = cluster(watch, [0, 1], [0, 1]);
  watch.check(await run());
  assertEquals(new Set(written), new Set(keys));
});

Deno.test("F41 partitions that are added during a send are no acknowledgement", async () => {
  const watch = new SendWatch();
  const { run } = cluster(watch, [0, 1], [0, 1, 1, 0]);
  const acks = await run();
  await assertRejects(
    () => Promise.try(() => watch.check(acks)),
    UnacknowledgedError,
    "added",
  );
});

Deno.test("a producer of ours fails a send that kafkajs calls done and no broker has acknowledged in full", async () => {
  const original = Kafka.prototype.producer;
  let acked = true;
  Kafka.prototype.producer = ({ createPartitioner } = {}) => {
    const choose = createPartitioner?.();
    const send = ({ topic, messages }: ProducerRecord) => {
      const partitionMetadata = [0, 1].map((partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: 0,
        replicas: [0],
        isr: [0],
      }));
      const chosen = messages.map((message) =>
        choose?.({ topic, partitionMetadata, message }) ?? -1
      );
      return Promise.resolve((acked ? chosen : []).map((partition) => ({
        topicName: topic,
        partition,
        errorCode: 0,
      })));
    };
    // Of a producer only what is used here.
    return { send } as unknown as Producer;
  };
  try {
    const create = kafkaProducerFactory({
      brokers: ["nowhere:9092"],
      clientId: "oms",
      tls: null,
      sasl: null,
      compression: "none",
    }, () => {});
    const producer = create();
    const messages = [{ key: "ord_1", value: "{}", headers: {} }];
    await producer.send("t", messages);
    acked = false;
    await assertRejects(
      () => producer.send("t", messages),
      UnacknowledgedError,
    );
  } finally {
    Kafka.prototype.producer = original;
  }
});

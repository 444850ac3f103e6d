/**
 * From settings to kafkajs producers.
 *
 * The numbers keep one send's own repeats inside the channel's time limits; outages are the relay's business,
 * which repeats for ever.
 */
import type { LogFn } from "@oms/lifecycle";
import {
  CompressionTypes,
  Kafka,
  type KafkaConfig,
  type LogEntry,
  logLevel,
} from "kafkajs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { adviceFor, adviceOnConnect, withAdvice } from "./kafka_advice.ts";
import type { KafkaPublisherOptions } from "./kafka_publisher.ts";
import type { CreateKafkaProducer, KafkaMessage } from "./kafka_producer.ts";
import { SendWatch } from "./send_watch.ts";

export interface KafkaTls {
  /** PEM; absent: the platform's authorities. */
  readonly ca?: string;
  /** PEM, both or none: our own certificate. */
  readonly cert?: string;
  readonly key?: string;
}

export interface KafkaSasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

export interface KafkaSettings {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Null: no TLS. */
  readonly tls: KafkaTls | null;
  readonly sasl: KafkaSasl | null;
  readonly compression: "none" | "gzip";
  /** By topic: the variable that names it. */
  readonly topics?: ReadonlyMap<string, string>;
}

/** One TCP connect, in ms; also what kafkajs gives the first handshake, with REQUEST_TIMEOUT_MS as its floor. */
const CONNECTION_TIMEOUT_MS = 2_000;
/** One request, in ms. A broker that is up answers in single milliseconds (docs/decisions.md). */
const REQUEST_TIMEOUT_MS = 4_000;
/** Repeats of one connect: 100 + 200 ms of back-off. */
const CONNECT_RETRY = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  retries: 2,
};
/** Repeats of one send; an idempotent producer needs at least one. */
const SEND_RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 };
const KEEP_ALIVE_DELAY_MS = 60_000;

/** Limits that fit the numbers above. `closeBudgetMs` is that of the stop's kafka phase (`OMS_KAFKA_CLOSE_TIMEOUT`). */
export function kafkaPublisherOptions(
  closeBudgetMs: number,
): KafkaPublisherOptions {
  return {
    connectTimeoutMs: 5_000,
    sendTimeoutMs: 10_000,
    // The rest of the budget is for closing the connections and for the report.
    closeTimeoutMs: Math.floor(closeBudgetMs * 0.75),
  };
}

/** Each call of the result makes a client and a producer of its own: nothing is shared with an abandoned one. */
export function kafkaProducerFactory(
  settings: KafkaSettings,
  log: LogFn,
): CreateKafkaProducer {
  const compression = settings.compression === "gzip"
    ? CompressionTypes.GZIP
    : CompressionTypes.None;
  return () => {
    const sockets = new SocketTracker();
    const client = new Kafka(clientConfig(settings, sockets, log));
    const watch = new SendWatch();
    const producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      retry: SEND_RETRY,
      createPartitioner: watch.partitioner,
      // A broker that makes topics gives them one copy, which a lost disk takes along (docs/decisions.md).
      allowAutoTopicCreation: false,
    });
    /** Without messages it ends when the topic's partitions and their leaders are known. */
    const sendAll = (topic: string, messages: readonly KafkaMessage[]) =>
      withAdvice(
        producer.send({
          topic,
          messages: messages.map((message) => ({
            ...message,
            headers: { ...message.headers },
          })),
          acks: -1,
          timeout: REQUEST_TIMEOUT_MS,
          compression,
        }),
        (error) => adviceFor(error, settings, settings.topics?.get(topic)),
      );
    return {
      connect: () =>
        withAdvice(
          producer.connect(),
          (error) => adviceOnConnect(error, settings),
        ),
      find: async (topic) => {
        await sendAll(topic, []);
      },
      send: async (topic, messages) => {
        watch.begin();
        watch.check(await sendAll(topic, messages));
      },
      disconnect: () => producer.disconnect(),
      destroy: () => sockets.destroy(),
    };
  };
}

/** Exported for its test. */
export function clientConfig(
  { brokers, clientId, tls, sasl }: KafkaSettings,
  sockets: SocketTracker,
  log: LogFn,
): KafkaConfig {
  return {
    brokers: [...brokers],
    clientId,
    ssl: tls === null ? undefined : {
      ca: tls.ca === undefined ? undefined : [tls.ca],
      cert: tls.cert,
      key: tls.key,
    },
    // A fresh object each time: kafkajs writes into it.
    sasl: sasl === null ? undefined : saslOptions(sasl),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: CONNECT_RETRY,
    socketFactory: (args) => sockets.open(args),
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(entry, log),
  };
}

function saslOptions(sasl: KafkaSasl): KafkaConfig["sasl"] {
  const { username, password } = sasl;
  switch (sasl.mechanism) {
    case "plain":
      return { mechanism: "plain", username, password };
    case "scram-sha-256":
      return { mechanism: "scram-sha-256", username, password };
    case "scram-sha-512":
      return { mechanism: "scram-sha-512", username, password };
  }
}

/** kafkajs reports each of its own repeats as an error; what they come to is reported by the relay. */
function forward({ namespace, log: content }: LogEntry, log: LogFn): void {
  const { message, timestamp: _, logger: __, stack: ___, ...fields } = content;
  log("debug", `kafkajs: ${message}`, { namespace, ...fields });
}

/**
 * The sockets of one producer, so that they can be closed without the client's consent: its own disconnect waits
 * for answers that may never come (29 s seen), and it repeats sends after it.
 */
export class SocketTracker {
  readonly #sockets = new Set<Socket>();
  #destroyed = false;

  open(
    { host, port, ssl, onConnect }: Parameters<
      NonNullable<KafkaConfig["socketFactory"]>
    >[0],
  ): Socket {
    // kafkajs takes a throw here for a failed connection.
    if (this.#destroyed) throw new Error("the producer was abandoned");
    const socket = ssl
      ? connectTls(
        { host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl },
        onConnect,
      )
      : connectTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  destroy(): void {
    this.#destroyed = true;
    for (const socket of this.#sockets) {
      // With an error: kafkajs listens for that and not for the close alone, and rejects what waits.
      socket.destroy(new Error("the producer was abandoned"));
    }
  }
}

/**
 * Publishes to Kafka: idempotent producers, all replicas acknowledge, one send under way per topic.
 *
 * Each topic has its own producer (see KafkaChannel), so a topic in trouble holds up nobody else, and the rule
 * "identical batch again, or a fresh producer" holds for each lane by itself. The dead-letter topic, which both
 * lanes write, has one too; its sends take turns.
 *
 * Invariants: nothing here waits without a limit; starting never waits for a broker at all.
 * Not promised: no duplicates. A batch that timed out may be written as well as its repeat.
 */
import type { Clock } from "@oms/lifecycle";
import {
  PublisherCloseError,
  PublishError,
  RecordRefusedError,
} from "./errors.ts";
import { type ChannelOptions, KafkaChannel } from "./kafka_channel.ts";
import {
  type CreateKafkaProducer,
  isRefusal,
  type KafkaMessage,
} from "./kafka_producer.ts";
import type { EventRecord, Publisher, PublisherState } from "./publisher.ts";

export interface KafkaPublisherOptions extends ChannelOptions {
  /** What `close` may take in all, in ms; below the budget of the stop's kafka phase. */
  readonly closeTimeoutMs: number;
}

export class KafkaPublisher implements Publisher {
  readonly kind = "kafka";
  readonly #create: CreateKafkaProducer;
  readonly #clock: Clock;
  readonly #options: KafkaPublisherOptions;
  readonly #channels = new Map<string, KafkaChannel>();
  #lastError: string | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    create: CreateKafkaProducer,
    clock: Clock,
    options: KafkaPublisherOptions,
  ) {
    this.#create = create;
    this.#clock = clock;
    this.#options = options;
  }

  /** `down` while any topic's last try failed. */
  get state(): PublisherState {
    const works = [...this.#channels.values()].map((channel) => channel.works);
    if (works.includes(false)) return "down";
    return works.includes(true) ? "up" : "unknown";
  }

  get lastError(): string | null {
    return this.state === "down" ? this.#lastError : null;
  }

  async warmUp(topic: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#channel(topic).find(topic, signal);
    } catch (error) {
      throw this.#explain(error, topic, signal);
    }
  }

  async publish(
    records: readonly EventRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const [topic, messages] of byTopic(records)) {
      try {
        await this.#channel(topic).send(topic, messages, signal);
      } catch (error) {
        throw this.#explain(error, topic, signal);
      }
    }
  }

  /** @throws PublisherCloseError when a producer did not disconnect in time; its connections are closed all the same */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    const ended = await Promise.allSettled(
      [...this.#channels.values()].map((channel) =>
        channel.close(this.#options.closeTimeoutMs)
      ),
    );
    const failed = ended.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    throw new PublisherCloseError(
      `Cannot disconnect from Kafka cleanly: ${
        messageOf(failed.reason)
      } (connections closed, nothing is lost)`,
      { cause: failed.reason },
    );
  }

  #channel(topic: string): KafkaChannel {
    if (this.#closed !== null) throw new Error("the publisher is closed");
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      channel = new KafkaChannel(this.#create, this.#clock, this.#options);
      this.#channels.set(topic, channel);
    }
    return channel;
  }

  #explain(error: unknown, topic: string, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const message = `Cannot publish to ${topic}: ${messageOf(error)}`;
    if (isRefusal(error)) {
      return new RecordRefusedError(message, { cause: error });
    }
    this.#lastError = message;
    return new PublishError(message, { cause: error });
  }
}

/** Runs of records of one topic, in order. */
function byTopic(
  records: readonly EventRecord[],
): [string, KafkaMessage[]][] {
  const runs: [string, KafkaMessage[]][] = [];
  for (const { topic, key, value, headers } of records) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] === topic) {
      last[1].push({ key, value, headers });
    } else runs.push([topic, [{ key, value, headers }]]);
  }
  return runs;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * One topic's producer.
 *
 * Invariants: one send is under way at a time; after any failure, a refused record included, the producer is
 * destroyed and the next send, which is the caller's identical batch again, goes through a fresh one.
 *
 * Why: kafkajs takes the sequence number of a failed batch back. A different batch that then gets the same
 * numbers is taken by the broker for a repeat of the first: acknowledged and not written (docs/decisions.md).
 * Within one send kafkajs repeats the identical batch, which is what idempotence is for.
 *
 * Not promised: that an abandoned batch is never written; the broker may have it already. It is the same events
 * under the same ids.
 */
import type { Clock } from "@oms/lifecycle";
import { bounded } from "./bounded.ts";
import {
  type CreateKafkaProducer,
  isRefusal,
  type KafkaMessage,
  type KafkaProducer,
} from "./kafka_producer.ts";

export interface ChannelOptions {
  /** Longest wait for a connection with its handshakes, in ms. */
  readonly connectTimeoutMs: number;
  /** Longest wait for the acknowledgement of one batch, in ms, the client's own repeats included. */
  readonly sendTimeoutMs: number;
}

export class KafkaChannel {
  readonly #create: CreateKafkaProducer;
  readonly #clock: Clock;
  readonly #options: ChannelOptions;
  #producer: KafkaProducer | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  /** Calls into destroyed producers that have not settled yet. */
  readonly #lingering = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  /** `null`: nothing was tried; otherwise whether the last try worked. */
  #works: boolean | null = null;

  constructor(
    create: CreateKafkaProducer,
    clock: Clock,
    options: ChannelOptions,
  ) {
    this.#create = create;
    this.#clock = clock;
    this.#options = options;
  }

  get works(): boolean | null {
    return this.#works;
  }

  /** Connects and looks for the topic. @throws the client's error, TimeLimitError, or the signal's reason */
  find(topic: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(signal, async (cut) => {
      const producer = await this.#connected(cut);
      const { sendTimeoutMs } = this.#options;
      await this.#call(producer, producer.find(topic), sendTimeoutMs, cut);
    });
  }

  /** @throws the client's error, TimeLimitError, or the signal's reason */
  send(
    topic: string,
    messages: readonly KafkaMessage[],
    signal: AbortSignal,
  ): Promise<void> {
    return this.#inTurn(signal, async (cut) => {
      const producer = await this.#connected(cut);
      await this.#call(
        producer,
        producer.send(topic, messages),
        this.#options.sendTimeoutMs,
        cut,
      );
    });
  }

  /**
   * Ends a call under way, disconnects, and waits for what destroyed producers still do; after `limitMs` all
   * connections are closed whatever they do.
   * @throws the client's error or TimeLimitError; the connections are closed all the same
   */
  async close(limitMs: number): Promise<void> {
    this.#closing.abort(new Error("the publisher is closed"));
    const end = this.#clock.now() + limitMs;
    await this.#queue;
    const producer = this.#producer;
    this.#producer = null;
    try {
      if (producer !== null) {
        await bounded(producer.disconnect(), { limitMs, clock: this.#clock });
      }
    } finally {
      producer?.destroy();
      await bounded(Promise.allSettled(this.#lingering), {
        limitMs: Math.max(0, end - this.#clock.now()),
        clock: this.#clock,
      }).catch(() => {});
    }
  }

  /** Runs `work` after the calls before it, with a signal that either the caller or `close` aborts. */
  #inTurn(
    signal: AbortSignal,
    work: (cut: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const turn = this.#queue.then(async () => {
      signal.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      const cut = new AbortController();
      const onAbort = () => cut.abort(signal.reason);
      const onClose = () => cut.abort(this.#closing.signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#closing.signal.addEventListener("abort", onClose, { once: true });
      try {
        await work(cut.signal);
        this.#works = true;
      } catch (error) {
        // Our own abort says nothing about the broker.
        if (!cut.signal.aborted) this.#works = isRefusal(error);
        throw error;
      } finally {
        signal.removeEventListener("abort", onAbort);
        this.#closing.signal.removeEventListener("abort", onClose);
      }
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #connected(signal: AbortSignal): Promise<KafkaProducer> {
    if (this.#producer !== null) return this.#producer;
    const producer = this.#create();
    this.#producer = producer;
    const { connectTimeoutMs } = this.#options;
    await this.#call(producer, producer.connect(), connectTimeoutMs, signal);
    return producer;
  }

  async #call(
    producer: KafkaProducer,
    call: Promise<void>,
    limitMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await bounded(call, { limitMs, clock: this.#clock, signal });
    } catch (error) {
      this.#producer = null;
      this.#abandon(producer, call);
      throw error;
    }
  }

  #abandon(producer: KafkaProducer, call: Promise<void>): void {
    producer.destroy();
    for (const rest of [call, producer.disconnect()]) {
      const lingering: Promise<unknown> = rest.catch(() => {})
        .finally(() => this.#lingering.delete(lingering));
      this.#lingering.add(lingering);
    }
  }
}

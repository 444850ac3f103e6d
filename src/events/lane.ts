/**
 * One topic's way from the outbox to the publisher.
 *
 * Invariants: one delivery is under way at a time, in the outbox's order; an event is marked only after its
 * acknowledgement. So per key the first occurrences come in order without gaps, and nothing is lost.
 *
 * Not promised: no duplicates (see Marker and the publisher).
 */
import type { EventTopic } from "../orders/events.ts";
import { StoreUnavailableError } from "../storage/errors.ts";
import type { OutboxRow } from "../storage/store.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import type { Backlog } from "./backlog.ts";
import { toRecord } from "./dead_letter.ts";
import { Delivery } from "./delivery.ts";
import { InTroubleError, PublishError } from "./errors.ts";
import { Marker } from "./marker.ts";
import type { RelayDeps } from "./relay_ports.ts";
import { Wakeup } from "./wakeup.ts";

/** Acknowledged and unmarked batches beyond which publishing waits for the store. */
const MAX_UNMARKED_BATCHES = 4;

interface DrainWaiter {
  /** Number of the first read that certainly saw what was committed before the wait began. */
  readonly read: number;
  readonly resolve: () => void;
}

export class Lane {
  readonly #topic: EventTopic;
  readonly #deps: RelayDeps;
  readonly #backlog: Backlog;
  readonly #backoff: BackoffOptions;
  readonly #wakeup: Wakeup;
  readonly #marker: Marker;
  readonly #delivery: Delivery;
  readonly #waiters = new Set<DrainWaiter>();
  #running = false;
  #reads = 0;
  /** Its topics were found. */
  #warm = false;
  #warmUpFailures = 0;
  /** On the clock's monotonic time, ms. */
  #nextWarmUpAt = -Infinity;

  constructor(topic: EventTopic, deps: RelayDeps, backlog: Backlog) {
    this.#topic = topic;
    this.#deps = deps;
    this.#backlog = backlog;
    this.#backoff = {
      baseMs: deps.options.retryDelayMs,
      maxMs: deps.options.maxRetryDelayMs,
      random: deps.random,
    };
    this.#wakeup = new Wakeup(deps.clock);
    this.#marker = new Marker({
      store: deps.store,
      clock: deps.clock,
      backoff: this.#backoff,
      onMarked: (count) => backlog.removed(count),
      onUnavailable: (error) =>
        this.#storeTrouble("cannot mark events as sent, trying again", error),
      onFailed: () => this.#wakeup.set(),
    });
    this.#delivery = new Delivery(topic, deps, {
      backoff: this.#backoff,
      pending: () => backlog.snapshot().pending,
      onFailed: () => this.#releaseWaiters(Infinity),
    });
  }

  notify(): void {
    this.#wakeup.set();
  }

  /**
   * Publishes until the signal aborts, then finishes the mark under way and resolves.
   * @throws StoreFatalError, and whatever neither the store nor the publisher documents
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    try {
      while (!signal.aborted) {
        await this.#drain(signal, false);
        await this.#idle(signal);
        this.#marker.throwIfFailed();
      }
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
    } finally {
      await this.#marker.settled();
      this.#running = false;
      this.#releaseWaiters(Infinity);
    }
  }

  /**
   * Publishes what was committed before the call. Resolves when that is done and marked, when the publisher or
   * the store is in trouble (at once when it is known to be), or when the signal aborts.
   */
  async flush(signal: AbortSignal): Promise<void> {
    if (this.#knownDown() || signal.aborted) return;
    if (this.#running) await this.#nextDrain(signal);
    else {
      try {
        this.#marker.kick(signal);
        await this.#drain(signal, true);
      } catch (error) {
        const stopped = signal.aborted && error === signal.reason;
        if (!stopped && !(error instanceof InTroubleError)) throw error;
      } finally {
        await this.#marker.settled();
      }
    }
  }

  #knownDown(): boolean {
    const { failing, worked } = this.#delivery;
    return failing || this.#deps.publisher.state === "down" && !worked;
  }

  async #nextDrain(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    const waiter = { read: this.#reads + 1, resolve };
    this.#waiters.add(waiter);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#wakeup.set();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#waiters.delete(waiter);
    }
  }

  #releaseWaiters(read: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.read <= read) waiter.resolve();
    }
  }

  /** Publishes until a read finds nothing and everything acknowledged is marked. */
  async #drain(signal: AbortSignal, giveUp: boolean): Promise<void> {
    const { batchSize, topics } = this.#deps.options;
    for (;;) {
      signal.throwIfAborted();
      this.#marker.throwIfFailed();
      if (this.#marker.size >= MAX_UNMARKED_BATCHES * batchSize) {
        await this.#marker.settled();
        continue;
      }
      const read = ++this.#reads;
      const rows = await this.#read(signal, giveUp);
      if (rows.length === 0) {
        await this.#marker.settled();
        this.#releaseWaiters(read);
        return;
      }
      const topic = topics[this.#topic];
      const records = rows.map((row) => toRecord(row, topic));
      const dead = await this.#delivery.deliver(records, signal, giveUp);
      this.#marker.add(
        rows.map((row, index) => ({
          position: row.position,
          dead: dead.some((record) => record === records[index]),
        })),
        signal,
      );
    }
  }

  async #read(signal: AbortSignal, giveUp: boolean): Promise<OutboxRow[]> {
    const { store, clock, options } = this.#deps;
    for (let failures = 1;; failures++) {
      try {
        return await store.outbox(
          this.#topic,
          this.#marker.highest,
          options.batchSize,
        );
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        if (failures === 1) {
          this.#storeTrouble("cannot read the outbox, trying again", error);
        }
        if (giveUp) throw new InTroubleError(error.message, { cause: error });
        await clock.sleep(backoffMs(failures, this.#backoff), signal);
      }
    }
  }

  #storeTrouble(msg: string, error: StoreUnavailableError): void {
    this.#releaseWaiters(Infinity);
    this.#deps.log("warn", msg, {
      topic: this.#deps.options.topics[this.#topic],
      error: error.message,
    });
  }

  /** Waits for a commit; until it has found its topics, and while the publisher does not work, looks for them. */
  async #idle(signal: AbortSignal): Promise<void> {
    const { publisher, clock, options } = this.#deps;
    const wanted = !this.#warm || publisher.state !== "up";
    if (wanted && clock.now() >= this.#nextWarmUpAt) await this.#warmUp(signal);
    await this.#wakeup.wait(options.pollIntervalMs, signal);
  }

  /** The dead-letter topic as well: that it is missing is to be known before the first dead letter. */
  async #warmUp(signal: AbortSignal): Promise<void> {
    const { publisher, clock, log, options } = this.#deps;
    const own = options.topics[this.#topic];
    try {
      for (const topic of [own, options.deadLetterTopic]) {
        await publisher.warmUp?.(topic, signal);
      }
      this.#warm = true;
      this.#warmUpFailures = 0;
    } catch (error) {
      if (signal.aborted || !(error instanceof PublishError)) throw error;
      this.#warmUpFailures += 1;
      this.#nextWarmUpAt = clock.now() +
        backoffMs(this.#warmUpFailures, this.#backoff);
      if (this.#warmUpFailures > 1) return;
      log("warn", "publisher is not ready, trying again", {
        topic: own,
        error: error.message,
      });
    }
  }
}

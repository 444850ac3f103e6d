/**
 * Hands records of one topic over until each is acknowledged.
 *
 * Invariants: a batch that failed is sent again unchanged before anything after it, for as long as it takes; a
 * record is set aside only when the broker refuses it for itself, and then its dead letter is acknowledged
 * before this record counts as delivered.
 *
 * Not promised: progress while the dead-letter topic itself cannot be written.
 */
import type { EventTopic } from "../orders/events.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { deadLetter } from "./dead_letter.ts";
import { InTroubleError, PublishError, RecordRefusedError } from "./errors.ts";
import type { EventRecord } from "./publisher.ts";
import type { PublishResult, RelayDeps } from "./relay_ports.ts";

export interface DeliveryOptions {
  readonly backoff: BackoffOptions;
  /** Events that wait, for the log. */
  readonly pending: () => number;
  /** Told of each failure, before the next try. */
  readonly onFailed: () => void;
}

export class Delivery {
  readonly #topic: EventTopic;
  readonly #deps: RelayDeps;
  readonly #options: DeliveryOptions;
  /** Consecutive failures of the publisher; 0 while it works or nothing was tried. */
  #failures = 0;
  #succeeded = false;

  constructor(topic: EventTopic, deps: RelayDeps, options: DeliveryOptions) {
    this.#topic = topic;
    this.#deps = deps;
    this.#options = options;
  }

  /** The last try failed. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  /** Something has been acknowledged since the start. */
  get worked(): boolean {
    return this.#succeeded;
  }

  /**
   * Resolves when every record is acknowledged, each as itself or as its dead letter, with those that are dead
   * letters.
   *
   * @param giveUp true: a failure is not repeated
   * @throws InTroubleError with `giveUp`; the signal's reason; what the publisher does not document
   */
  async deliver(
    records: readonly EventRecord[],
    signal: AbortSignal,
    giveUp: boolean,
  ): Promise<EventRecord[]> {
    return await this.#publish(records, 0, signal, giveUp);
  }

  async #publish(
    records: readonly EventRecord[],
    attempts: number,
    signal: AbortSignal,
    giveUp: boolean,
  ): Promise<EventRecord[]> {
    try {
      attempts += await this.#send(records, signal, giveUp);
      this.#attempt("sent");
      return [];
    } catch (error) {
      if (!(error instanceof RecordRefusedError)) throw error;
      this.#attempt("failed");
      this.#worked();
      const [first] = records;
      if (records.length === 1 && first !== undefined) {
        await this.#setAside(first, error, attempts + 1, signal, giveUp);
        return [first];
      }
      const middle = Math.ceil(records.length / 2);
      const dead: EventRecord[] = [];
      for (const half of [records.slice(0, middle), records.slice(middle)]) {
        dead.push(
          ...await this.#publish(half, attempts + 1, signal, giveUp),
        );
      }
      return dead;
    }
  }

  async #setAside(
    record: EventRecord,
    refusal: RecordRefusedError,
    attempts: number,
    signal: AbortSignal,
    giveUp: boolean,
  ): Promise<void> {
    const { clock, log, options } = this.#deps;
    const letter = deadLetter(record, {
      topic: options.deadLetterTopic,
      message: refusal.message,
      attempts,
      failedAt: clock.wallNow(),
    });
    await this.#send([letter], signal, giveUp);
    this.#attempt("dlq");
    log(
      "error",
      "event refused by the broker, moved to the dead-letter topic",
      {
        event_id: record.headers["event-id"],
        order_id: record.key,
        topic: record.topic,
        dead_letter_topic: letter.topic,
        error: refusal.message,
      },
    );
  }

  /**
   * Hands the identical records over until they are acknowledged. Resolves with the number of failures before that.
   * @throws RecordRefusedError unless it is about a dead letter: that one is repeated like any failure
   */
  async #send(
    records: readonly EventRecord[],
    signal: AbortSignal,
    giveUp: boolean,
  ): Promise<number> {
    const { publisher, clock, options } = this.#deps;
    for (let failures = 0;;) {
      try {
        await publisher.publish(records, signal);
        this.#worked();
        return failures;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const refused = error instanceof RecordRefusedError;
        const letter = records[0]?.topic === options.deadLetterTopic;
        if (refused && !letter) throw error;
        if (!refused && !(error instanceof PublishError)) throw error;
        failures += 1;
        this.#attempt(letter ? "dlq_failed" : "failed");
        this.#failed(error);
        if (giveUp) throw new InTroubleError(error.message, { cause: error });
        await clock.sleep(backoffMs(failures, this.#options.backoff), signal);
      }
    }
  }

  #attempt(result: PublishResult): void {
    this.#deps.observer.attempt(result);
  }

  #failed(error: Error): void {
    this.#failures += 1;
    this.#options.onFailed();
    // Every failure of an outage would fill the log: 1, 2, 4, 8 … say the same.
    if ((this.#failures & (this.#failures - 1)) !== 0) return;
    this.#deps.log("warn", "cannot publish events, the same batch follows", {
      topic: this.#deps.options.topics[this.#topic],
      failures: this.#failures,
      pending: this.#options.pending(),
      error: error.message,
    });
  }

  #worked(): void {
    this.#succeeded = true;
    if (this.#failures === 0) return;
    this.#deps.log("info", "publishing events again", {
      topic: this.#deps.options.topics[this.#topic],
      failures: this.#failures,
    });
    this.#failures = 0;
  }
}

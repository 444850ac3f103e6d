/**
 * A publisher that keeps what it is given, and fails when told to.
 *
 * Two publishes to one topic at a time reject as a bug, except to the dead-letter topic, which lanes share.
 */
import { PublishError, RecordRefusedError } from "../../src/events/errors.ts";
import type {
  EventRecord,
  Publisher,
  PublisherState,
} from "../../src/events/publisher.ts";

/**
 * How one publish goes.
 * - `ack`: written and acknowledged
 * - `fail`: rejected; the first `written` records are in the log all the same
 * - `hang`: nothing until the signal aborts
 */
export type PublishOutcome =
  | { readonly kind: "ack" }
  | { readonly kind: "fail"; readonly written: number; readonly error?: Error }
  | { readonly kind: "hang" };

export class FakePublisher implements Publisher {
  readonly kind = "fake";
  /** What is in the log, in order. */
  readonly written: EventRecord[] = [];
  /** Every batch handed over, acknowledged or not. */
  readonly batches: (readonly EventRecord[])[] = [];
  /** Decides each publish; the default acknowledges. */
  decide: (records: readonly EventRecord[]) => PublishOutcome = () => ({
    kind: "ack",
  });
  /** Records that the broker refuses for themselves. */
  refuses: (record: EventRecord) => boolean = () => false;
  closed = false;
  #state: PublisherState = "unknown";
  #lastError: string | null = null;
  readonly #busy = new Set<string>();

  get state(): PublisherState {
    return this.#state;
  }

  get lastError(): string | null {
    return this.#lastError;
  }

  async publish(
    records: readonly EventRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const topic = records[0]?.topic ?? "";
    if (this.#busy.has(topic) && topic !== "oms.dlq") {
      throw new Error(`Two publishes to ${topic} at a time`);
    }
    this.#busy.add(topic);
    try {
      this.batches.push(records);
      await Promise.resolve();
      await this.#perform(records, signal);
    } finally {
      this.#busy.delete(topic);
    }
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  async #perform(
    records: readonly EventRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    const outcome = this.decide(records);
    switch (outcome.kind) {
      case "hang":
        await aborted(signal);
        throw signal.reason;
      case "fail":
        this.written.push(...records.slice(0, outcome.written));
        this.#state = "down";
        this.#lastError = "the fake broker is away";
        throw outcome.error ?? new PublishError(this.#lastError);
      case "ack":
        if (records.some(this.refuses)) {
          throw new RecordRefusedError("the fake broker refuses a record");
        }
        this.written.push(...records);
        this.#state = "up";
        this.#lastError = null;
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

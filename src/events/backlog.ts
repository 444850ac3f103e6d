/**
 * How many events wait for the publisher: the source of back-pressure.
 *
 * The number is an estimate between two reads of the store: commits of this process are added as they are
 * reported, marked events taken off. A read of the store corrects it; what was added while that read ran is
 * counted on top, so the estimate errs towards too many, for one poll interval at most.
 */
import type { Clock } from "@oms/lifecycle";
import type { OutboxStats } from "../storage/store.ts";

/** Recovery begins at this share of the limit, so that the answer does not flicker around it. */
const RESUME_SHARE = 0.9;

export interface BacklogSnapshot {
  /** Unsent events. */
  readonly pending: number;
  /** Age of the oldest unsent event in ms; 0 when there is none. */
  readonly oldestAgeMs: number;
  /** Events that the broker has refused, kept until an operator decides; not among the pending. */
  readonly deadLetters: number;
}

export class Backlog {
  readonly #maxPending: number;
  readonly #clock: Pick<Clock, "wallNow">;
  #pending = 0;
  #oldestCreatedAt: number | null = null;
  #deadLetters = 0;
  #addedWhileReading = 0;
  #overLimit = false;

  constructor(maxPending: number, clock: Pick<Clock, "wallNow">) {
    this.#maxPending = maxPending;
    this.#clock = clock;
  }

  /** True while mutating calls are to be refused. Synchronous and free: asked before every write. */
  isOverLimit(): boolean {
    return this.#overLimit;
  }

  added(count: number): void {
    this.#addedWhileReading += count;
    this.#oldestCreatedAt ??= this.#clock.wallNow();
    this.#update(this.#pending + count);
  }

  removed(count: number): void {
    this.#update(Math.max(0, this.#pending - count));
  }

  /** @throws whatever `read` throws; the estimate is then left as it was */
  async refresh(read: () => Promise<OutboxStats>): Promise<void> {
    this.#addedWhileReading = 0;
    const stats = await read();
    this.#oldestCreatedAt = stats.oldestCreatedAt;
    this.#deadLetters = stats.deadLetters;
    this.#update(stats.pending + this.#addedWhileReading);
  }

  snapshot(): BacklogSnapshot {
    const oldest = this.#oldestCreatedAt;
    return {
      pending: this.#pending,
      oldestAgeMs: this.#pending === 0 || oldest === null
        ? 0
        : Math.max(0, this.#clock.wallNow() - oldest),
      deadLetters: this.#deadLetters,
    };
  }

  #update(pending: number): void {
    this.#pending = pending;
    if (pending === 0) this.#oldestCreatedAt = null;
    if (pending > this.#maxPending) this.#overLimit = true;
    else if (pending <= Math.floor(this.#maxPending * RESUME_SHARE)) {
      this.#overLimit = false;
    }
  }
}

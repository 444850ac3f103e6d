/**
 * A flag with one waiter: what wakes a loop.
 *
 * Invariant: a `set` between two waits is not lost, the next wait returns at once. Sets are merged: this says
 * that something happened, not how often.
 */
import type { Clock } from "@oms/lifecycle";

export class Wakeup {
  readonly #clock: Pick<Clock, "after">;
  #set = false;
  #wake: (() => void) | null = null;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  set(): void {
    this.#set = true;
    this.#wake?.();
  }

  /** Resolves when set, after `ms` milliseconds, or when the signal aborts. Never rejects. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#set && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const onAbort = () => resolve();
      signal.addEventListener("abort", onAbort, { once: true });
      const timer = this.#clock.after(ms, resolve);
      try {
        await promise;
      } finally {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#wake = null;
      }
    }
    this.#set = false;
  }
}

/**
 * A bound on concurrent calls with a waiting line, first come first served.
 *
 * Not promised: a bound on the line; the callers (sagas) are bounded themselves.
 */

interface Waiter {
  readonly start: () => void;
}

export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #waiting = new Set<Waiter>();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws the signal's reason when it aborts while waiting; `fn` is not called then */
  async run<T>(signal: AbortSignal, fn: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await fn();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#limit) {
      this.#running += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { start: resolve };
    const onAbort = () => {
      // False: the place was handed over already, and is used or given back by the call itself.
      if (this.#waiting.delete(waiter)) reject(signal.reason);
    };
    this.#waiting.add(waiter);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running -= 1;
    else {
      this.#waiting.delete(next);
      next.start();
    }
  }
}

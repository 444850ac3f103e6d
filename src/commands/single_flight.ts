/**
 * Callers of one key share one execution.
 *
 * Invariants: per key at most one execution runs; each caller leaves by its own signal; the execution's signal
 * aborts only when its last caller has left. Listeners are removed when a caller leaves.
 *
 * Not promised: that a caller who comes after the end gets the same value; that is the store's business.
 */
import { settled } from "./settled.ts";

interface Flight<T> {
  readonly fingerprint: string;
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  callers: number;
}

export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  get size(): number {
    return this.#flights.size;
  }

  /**
   * Joins the execution that runs under `key`, or starts `execute`. A caller with another fingerprint waits
   * for the running one and then starts its own.
   */
  async run(
    key: string,
    fingerprint: string,
    signal: AbortSignal,
    execute: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const flight = this.#flights.get(key) ??
        this.#begin(key, fingerprint, execute);
      // One that was given up by all its callers ends soon, and not for this caller.
      const shared = flight.fingerprint === fingerprint &&
        !flight.controller.signal.aborted;
      if (shared) return await this.#ride(flight, signal);
      await settled(flight.promise, signal).catch(() => {});
    }
  }

  #begin(
    key: string,
    fingerprint: string,
    execute: (signal: AbortSignal) => Promise<T>,
  ): Flight<T> {
    const controller = new AbortController();
    const promise = execute(controller.signal)
      .finally(() => this.#flights.delete(key));
    const flight = { fingerprint, promise, controller, callers: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  async #ride(flight: Flight<T>, signal: AbortSignal): Promise<T> {
    flight.callers++;
    try {
      return await settled(flight.promise, signal);
    } finally {
      flight.callers--;
      const last = flight.callers === 0 && signal.aborted;
      if (last) flight.controller.abort(signal.reason);
    }
  }
}

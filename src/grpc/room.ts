/**
 * How many calls may be open.
 *
 * Invariants: no more than `max` handlers run, those of health aside; a call is turned away by its headers while there
 * is no room, which costs least. What has come in this turn of the event loop counts there as running: the messages
 * mostly have come as well.
 *
 * Does not promise: a limit of requests whose message never comes; they run nothing.
 *
 * @module
 */

import type { MethodInfo } from "./context.ts";

/** Its calls cost nothing, and a probe must not take a busy server for a dead one. */
const HEALTH = "grpc.health.v1.Health";

export class Room {
  readonly #max: number;
  #running = 0;
  #fresh = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Handlers that have not settled. */
  get running(): number {
    return this.#running;
  }

  /** A call of this method may begin. */
  admits({ service }: MethodInfo): boolean {
    return this.#running + this.#fresh < this.#max || service === HEALTH;
  }

  /** The handler of a call that was admitted may run. */
  mayRun({ service }: MethodInfo): boolean {
    return this.#running < this.#max || service === HEALTH;
  }

  /** A call has come. */
  came(): void {
    if (this.#fresh === 0) setImmediate(() => this.#fresh = 0);
    this.#fresh += 1;
  }

  /** Its handler begins. */
  began(): void {
    this.#running += 1;
    if (this.#fresh > 0) this.#fresh -= 1;
  }

  /** Its handler has settled. */
  ended(): void {
    this.#running -= 1;
  }
}

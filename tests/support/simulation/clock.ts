/** A process's clock: the scheduler's time, and a wall clock that may be set. */
import type { Timer } from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";
import { T0 } from "../fixtures.ts";
import type { Place, Scheduler } from "./scheduler.ts";

export class SimClock extends FakeClock {
  /** ms by which this process's wall clock is off. */
  wallOffset = 0;
  /** ms for which its machine has been suspended. */
  suspended = 0;
  readonly #scheduler: Scheduler;
  readonly #place: Place;

  constructor(scheduler: Scheduler, place: Place) {
    super();
    this.#scheduler = scheduler;
    this.#place = place;
  }

  override now(): number {
    return this.#scheduler.now - this.suspended;
  }

  override wallNow(): number {
    return T0 + this.#scheduler.now + this.wallOffset;
  }

  override after(ms: number, fn: () => void): Timer {
    return this.#scheduler.after(this.#place, ms, "timer", fn);
  }
}

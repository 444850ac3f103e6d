/**
 * A point in monotonic time by which something must have ended.
 *
 * Invariant: immutable; a jump of the wall clock does not move it.
 * Not promised: a deadline stops nothing by itself.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** A point in monotonic time on one clock. */
export class Deadline {
  readonly #clock: Clock;
  /** The point itself, in ms of the clock's `now`. */
  readonly at: number;

  private constructor(clock: Clock, at: number) {
    this.#clock = clock;
    this.at = at;
  }

  /**
   * The deadline `ms` milliseconds from now (a negative or NaN value is now;
   * `Infinity` never expires).
   */
  static from(clock: Clock, ms: number): Deadline {
    return new Deadline(clock, clock.now() + (ms > 0 ? ms : 0));
  }

  /** Milliseconds left, never below 0. */
  remaining(): number {
    return Math.max(0, this.at - this.#clock.now());
  }

  /** Whether nothing is left. */
  get expired(): boolean {
    return this.remaining() === 0;
  }

  /** The earlier of the two. Both must be on one clock. */
  earlier(other: Deadline): Deadline {
    return other.at < this.at ? other : this;
  }
}

/**
 * Fakes for tests of time and signals.
 *
 * Invariant: nothing here uses real time, except one real 0 ms timer per flush,
 * which lets every microtask chain run dry, however long.
 * Not promised: that real I/O has finished after a flush.
 *
 * @module
 */

import { type Clock, sleepOn, type Timer } from "./clock.ts";
import {
  type ReceivedSignal,
  type SignalName,
  SIGNALS,
  type SignalSource,
} from "./signals.ts";

interface FakeTimer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  readonly #timers = new Set<FakeTimer>();
  #now: number;
  #wallOffset: number;
  #order = 0;

  /** Starts at monotonic 1000 ms and wall time 2026-01-01T00:00:00Z. */
  constructor(
    options: { readonly now?: number; readonly wall?: number } = {},
  ) {
    this.#now = options.now ?? 1000;
    this.#wallOffset = (options.wall ?? Date.UTC(2026, 0, 1)) - this.#now;
  }

  /** Number of timers that are set; 0 means that none has leaked. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Monotonic time in ms. */
  now(): number {
    return this.#now;
  }

  /** Wall time in ms since the epoch. */
  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  /** Moves the wall clock alone by `ms`, as an operator or NTP would. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Sets a timer; it fires inside of `advance`. */
  after(ms: number, fn: () => void): Timer {
    const timer: FakeTimer = {
      at: this.#now + Math.max(0, ms),
      order: this.#order++,
      fn,
    };
    this.#timers.add(timer);
    const cancel = () => void this.#timers.delete(timer);
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** As {@link Clock.sleep}. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /** Lets everything run that waits for no timer. */
  flush(): Promise<void> {
    return flushMicrotasks();
  }

  /** Moves time by `ms`, firing due timers in order, flushing after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.flush();
    for (
      let next = this.#next();
      next !== undefined && next.at <= end;
      next = this.#next()
    ) {
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.fn();
      await this.flush();
    }
    this.#now = end;
  }

  /**
   * Moves from timer to timer until `promise` has settled, at most `maxMs` ms
   * of fake time, and returns what it settles with.
   *
   * @throws {Error} when it has not settled by then, or no timer is left.
   */
  async settle<T>(promise: Promise<T>, maxMs = 3_600_000): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    const end = this.#now + maxMs;
    await this.flush();
    while (!settled) {
      const next = this.#next();
      if (next === undefined || next.at > end) {
        throw new Error(
          `Cannot settle the promise: still pending at ${this.#now} ms with ${this.timerCount} timer(s) set`,
        );
      }
      await this.advance(next.at - this.#now);
    }
    return await promise;
  }

  #next(): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (
        next === undefined || timer.at < next.at ||
        (timer.at === next.at && timer.order < next.order)
      ) next = timer;
    }
    return next;
  }
}

/** A signal source that a test drives. */
export class FakeSignals implements SignalSource {
  readonly #clock: Clock;
  readonly #handlers = new Set<(signal: ReceivedSignal) => void>();
  readonly #kept: ReceivedSignal[] = [];

  /** Signals are stamped with the time of `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of subscribers; 0 at the end means that none has leaked. */
  get subscriberCount(): number {
    return this.#handlers.size;
  }

  /** As {@link SignalSource.subscribe}. */
  subscribe(handler: (signal: ReceivedSignal) => void): Disposable {
    this.#handlers.add(handler);
    for (const signal of this.#kept.splice(0)) handler(signal);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /** Delivers a signal now (or keeps it until somebody subscribes). */
  send(name: SignalName): void {
    this.sendAt(name, this.#clock.now());
  }

  /** Delivers a signal now that was seen at `at` (ms of the clock's `now`). */
  sendAt(name: SignalName, at: number): void {
    const signal = { name, role: SIGNALS[name].role, at };
    if (this.#handlers.size === 0) this.#kept.push(signal);
    for (const handler of [...this.#handlers]) handler(signal);
  }
}

// Taken at import, so that a test that replaces the globals still works.
const realSetTimeout = globalThis.setTimeout;

/** Lets every chain of microtasks run dry. */
export function flushMicrotasks(): Promise<void> {
  return new Promise((resolve) => void realSetTimeout(resolve, 0));
}

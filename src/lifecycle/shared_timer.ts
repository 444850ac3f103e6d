/**
 * Any number of timers over one of the runtime's.
 *
 * Why: Deno keeps some 300 bytes of a cancelled timer until it would have
 * fired, where others run beside it. Timers that are long, many and nearly
 * always cancelled, such as those of connections, would add up.
 *
 * Invariants: at most one timer of the clock is set. A later or a cancelled
 * one of ours never touches it: it finds nothing due, and is set for what is
 * then the earliest. None fires early, none after its cancel or the disposal.
 * It alone does not keep the process alive: it may outlast what was cancelled.
 * Not promised: the order of those that are due together; anything where a
 * function throws.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";

interface Entry {
  readonly at: number;
  readonly fn: () => void;
}

/** As much of a clock as has timers. */
export class SharedTimer implements Pick<Clock, "now" | "after">, Disposable {
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #entries = new Set<Entry>();
  #timer: Timer | undefined;
  #timerAt = Infinity;

  /** Its timer is one of `clock`. */
  constructor(clock: Pick<Clock, "now" | "after">) {
    this.#clock = clock;
  }

  /** As {@link Clock.now}. */
  now(): number {
    return this.#clock.now();
  }

  /** As {@link Clock.after}, to be disposed of when no more is to come. */
  after(ms: number, fn: () => void): Timer {
    const entry: Entry = { at: this.now() + ms, fn };
    this.#entries.add(entry);
    this.#fireAt(entry.at);
    const cancel = () => void this.#entries.delete(entry);
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Cancels all that are set, and the clock's. */
  [Symbol.dispose](): void {
    this.#entries.clear();
    this.#timer?.cancel();
    this.#timerAt = Infinity;
  }

  #fireAt(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(at - this.now(), () => this.#fire(), {
      unref: true,
    });
  }

  #fire(): void {
    this.#timerAt = Infinity;
    const now = this.now();
    const due: Entry[] = [];
    let next = Infinity;
    for (const entry of this.#entries) {
      if (entry.at <= now) due.push(entry);
      else next = Math.min(next, entry.at);
    }
    this.#fireAt(next);
    for (const entry of due) {
      // Another one may have cancelled it.
      if (this.#entries.delete(entry)) entry.fn();
    }
  }
}

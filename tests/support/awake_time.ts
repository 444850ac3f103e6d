/**
 * A stopwatch for upper bounds: it stands still while the machine does, so that a pause of a second breaks no bound
 * of half a second.
 *
 * Invariants: it never shows more than the time that has passed; a pause counts for LONGEST_STEP_MS, however long it
 * was; while this process is given the processor, it shows what a clock does.
 * Not promised: time in which this process itself computes without a break is a pause to it. It is for waits, and
 * for what other processes do.
 */
const STEP_MS = 10;
const LONGEST_STEP_MS = 50;

export class AwakeTime implements Disposable {
  readonly #timer = setInterval(() => this.#step(), STEP_MS);
  readonly #started = performance.now();
  #last = this.#started;
  #counted = 0;

  /** Since it was made, in ms. */
  get ms(): number {
    this.#step();
    return this.#counted;
  }

  /** What it has left out, in ms. */
  get pausedMs(): number {
    this.#step();
    return this.#last - this.#started - this.#counted;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #step(): void {
    const now = performance.now();
    this.#counted += Math.min(now - this.#last, LONGEST_STEP_MS);
    this.#last = now;
  }
}

/**
 * Time, injected, so that tests of time run on a fake clock.
 *
 * Invariants: `now` never goes back and does not jump with the wall clock;
 * a cancelled timer never fires and is released at once.
 * Not promised: that `now` stands still while the machine sleeps or the
 * process is stopped (SIGSTOP): deadlines run on.
 *
 * @module
 */

/** A timer that has been set; disposing it cancels it. */
export interface Timer extends Disposable {
  /** Cancels the timer; does nothing when it has fired. */
  cancel(): void;
}

/** How a timer is set. */
export interface TimerOptions {
  /** True: the timer alone does not keep the process alive. */
  readonly unref?: boolean;
}

/** Source of time. */
export interface Clock {
  /** Monotonic time in ms; only differences mean something. */
  now(): number;
  /** Wall time in ms since the Unix epoch; may jump. */
  wallNow(): number;
  /** Calls `fn` once, no sooner than `ms` milliseconds from now. */
  after(ms: number, fn: () => void, options?: TimerOptions): Timer;
  /**
   * Resolves after `ms` milliseconds; rejects with the signal's reason as soon
   * as it is aborted. Leaves no timer and no listener behind.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

// setTimeout counts in a signed 32-bit integer; more fires at once.
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** {@link Clock.sleep} in terms of {@link Clock.after}. */
export function sleepOn(
  clock: Pick<Clock, "after">,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

class SystemTimer implements Timer {
  readonly #fn: () => void;
  readonly #unref: boolean;
  #left: number;
  #id: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, fn: () => void, unref: boolean) {
    this.#fn = fn;
    this.#unref = unref;
    this.#left = Number.isNaN(ms) ? 0 : Math.max(0, ms);
    this.#arm();
  }

  #arm(): void {
    const chunk = Math.min(this.#left, MAX_TIMEOUT_MS);
    this.#left -= chunk;
    const id = setTimeout(() => {
      if (this.#left > 0) this.#arm();
      else {
        this.#id = undefined;
        this.#fn();
      }
    }, chunk);
    this.#id = id;
    if (this.#unref) unref(id);
  }

  cancel(): void {
    clearTimeout(this.#id);
    this.#id = undefined;
  }

  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** A timer is a number or Node's object: that depends on Deno's version, and on who bundled the code. */
function unref(timer: number | { unref(): unknown }): void {
  if (typeof timer === "number") Deno.unrefTimer(timer);
  else timer.unref();
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (ms, fn, options) => new SystemTimer(ms, fn, options?.unref ?? false),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
};

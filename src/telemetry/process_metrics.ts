/**
 * The process's own figures and the lag of its event loop.
 *
 * Why not prom-client's: its collectDefaultMetrics reads /proc/self, which
 * listed permissions refuse (memory shows as 0), and its lag misses blocks.
 *
 * Invariant: stopping leaves no timer behind; the timer never keeps the process
 * alive. Not promised: a lag that is older than `LAG_WINDOW_MS`; a scraper that
 * comes less often does not see it.
 */
import process from "node:process";
// Node's, whose timers can be released on every version: Deno 2.8 no longer knows its own by their number.
import { clearInterval, setInterval } from "node:timers";
import type { Instruments } from "./instruments.ts";

/** How often the drift of a timer is taken, in ms. */
const LAG_SAMPLE_MS = 250;

/** How long a lag stays visible, in ms: longer than a usual scrape interval. */
const LAG_WINDOW_MS = 30_000;

/** The worst drift of a timer in the last LAG_WINDOW_MS. */
export class EventLoopLag {
  readonly #now: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  #expected: number;
  #worst: { at: number; lag: number }[] = [];

  /** @param now monotonic time in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#expected = now() + LAG_SAMPLE_MS;
    this.#timer = setInterval(() => this.sample(), LAG_SAMPLE_MS);
    this.#timer.unref();
  }

  /** Takes one sample; called by the timer. */
  sample(): void {
    const now = this.#now();
    const lag = Math.max(0, now - this.#expected);
    this.#expected = now + LAG_SAMPLE_MS;
    // Only falling lags are kept: a later, worse one makes earlier ones moot.
    while ((this.#worst.at(-1)?.lag ?? Infinity) <= lag) this.#worst.pop();
    this.#worst.push({ at: now, lag });
    this.#forget(now);
  }

  /** The worst lag in the window, in seconds; a block under way counts too. */
  read(): number {
    const now = this.#now();
    this.#forget(now);
    const running = Math.max(0, now - this.#expected);
    return Math.max(running, this.#worst[0]?.lag ?? 0) / 1000;
  }

  /** Stops the timer. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #forget(now: number): void {
    while ((this.#worst[0]?.at ?? now) < now - LAG_WINDOW_MS) {
      this.#worst.shift();
    }
  }
}

/** Registers process_* and oms_event_loop_lag_seconds. */
export function createProcessMetrics(make: Instruments): EventLoopLag {
  const lag = new EventLoopLag();
  make.observedGauge(
    "process_resident_memory_bytes",
    "Resident memory of the process.",
    () => Deno.memoryUsage().rss,
  );
  make.observedGauge(
    "process_start_time_seconds",
    "Start of the process, seconds since the Unix epoch.",
    () => performance.timeOrigin / 1000,
  );
  make.observedCounter(
    "process_cpu_seconds_total",
    "User and system CPU time.",
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  );
  make.observedGauge(
    "oms_event_loop_lag_seconds",
    "Worst timer drift of the last 30 s.",
    () => lag.read(),
  );
  return lag;
}

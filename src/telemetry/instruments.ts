/**
 * The narrow shapes of counters, gauges and histograms, and a factory for them.
 *
 * Invariants: one registry per factory, no global one; callers see no name of
 * prom-client, label values are typed where the set is closed. Durations are
 * seconds, as Prometheus wants. Not promised: limits on label values that are
 * plain strings: their callers bound them.
 */
import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from "prom-client";

/** Labels of a metric: a closed record of names. */
export type Labels = Readonly<Record<string, string>>;

/** Grows only. */
export interface Counter {
  inc(by?: number): void;
}
/** A counter by labels. */
export interface LabeledCounter<L extends Labels> {
  inc(labels: L, by?: number): void;
}
/** A present value. */
export interface Gauge {
  set(value: number): void;
  inc(by?: number): void;
  dec(by?: number): void;
}
/** A present value by labels. */
export interface LabeledGauge<L extends Labels> {
  set(labels: L, value: number): void;
  /** Forgets all series. */
  reset(): void;
}
/** Durations, in seconds. */
export interface Histogram {
  observe(seconds: number): void;
}
/** Durations by labels, in seconds. */
export interface LabeledHistogram<L extends Labels> {
  observe(labels: L, seconds: number): void;
  /** Makes the series exist with a count of 0. */
  zero(labels: L): void;
}

/**
 * Bucket bounds of every histogram, in seconds: 0.5 ms (a lone fsynced commit
 * is 0.2-0.5 ms) to 60 s (twice the longest saga back-off), steps of 2 to 2.5.
 */
const DURATION_BUCKETS: readonly number[] = [
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
];

/** Makes metrics in a registry of its own. */
export class Instruments {
  readonly #registry = new Registry();

  /** Prometheus text of all metrics. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  counter(name: string, help: string): Counter {
    const metric = new PromCounter({ name, help, registers: this.#registers });
    return { inc: (by) => metric.inc(by) };
  }

  /** A counter whose total is kept elsewhere and read at each scrape. */
  observedCounter(name: string, help: string, read: () => number): void {
    new PromCounter({
      name,
      help,
      registers: this.#registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  labeledCounter<L extends Labels>(
    name: string,
    help: string,
    labelNames: readonly (keyof L & string)[],
  ): LabeledCounter<L> {
    return new PromCounter<keyof L & string>({
      name,
      help,
      labelNames,
      registers: this.#registers,
    });
  }

  gauge(name: string, help: string): Gauge {
    const metric = new PromGauge({ name, help, registers: this.#registers });
    return {
      set: (value) => metric.set(value),
      inc: (by) => metric.inc(by),
      dec: (by) => metric.dec(by),
    };
  }

  /** A gauge that is read at each scrape. */
  observedGauge(name: string, help: string, read: () => number): void {
    new PromGauge({
      name,
      help,
      registers: this.#registers,
      collect() {
        this.set(read());
      },
    });
  }

  labeledGauge<L extends Labels>(
    name: string,
    help: string,
    labelNames: readonly (keyof L & string)[],
  ): LabeledGauge<L> {
    return new PromGauge<keyof L & string>({
      name,
      help,
      labelNames,
      registers: this.#registers,
    });
  }

  histogram(name: string, help: string): Histogram {
    const metric = new PromHistogram({
      name,
      help,
      buckets: [...DURATION_BUCKETS],
      registers: this.#registers,
    });
    return { observe: (seconds) => metric.observe(seconds) };
  }

  labeledHistogram<L extends Labels>(
    name: string,
    help: string,
    labelNames: readonly (keyof L & string)[],
  ): LabeledHistogram<L> {
    return new PromHistogram<keyof L & string>({
      name,
      help,
      labelNames,
      buckets: [...DURATION_BUCKETS],
      registers: this.#registers,
    });
  }

  get #registers(): [Registry] {
    return [this.#registry];
  }
}

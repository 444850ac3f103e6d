/**
 * What a load run has measured.
 *
 * Invariants: an intent counts once, under its final code, however often it was
 * sent; attempts are counted apart. Latencies include all retries.
 */
import type { IntentMethod } from "./intents.ts";
import { Histogram } from "./histogram.ts";

export const METHODS = ["create", "pay", "cancel", "refund", "get"] as const;
export type Method = IntentMethod | "get";

interface MethodStats {
  readonly latency: Histogram;
  /** By final code. */
  readonly codes: Map<string, number>;
  attempts: number;
}

/** One method's part of a report. Times in ms. */
export interface MethodReport {
  readonly calls: number;
  /** Calls beyond the first of each intent. */
  readonly retries: number;
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  readonly codes: Readonly<Record<string, number>>;
}

export class LoadStats {
  readonly #methods = new Map<Method, MethodStats>();
  readonly #all = new Histogram();
  readonly #attemptCodes = new Map<string, number>();
  /** Flows under way. */
  inFlight = 0;
  flowsStarted = 0;
  flowsFinished = 0;
  /** Flows that ended by an error of this program. */
  flowsFailed = 0;

  /** An attempt was answered. */
  attempt(method: Method, code: string): void {
    this.#of(method).attempts += 1;
    add(this.#attemptCodes, code);
  }

  /** A call, with all its attempts, is over. */
  ended(method: Method, code: string, latencyMs: number): void {
    const stats = this.#of(method);
    stats.latency.add(latencyMs);
    this.#all.add(latencyMs);
    add(stats.codes, code);
  }

  get calls(): number {
    return this.#all.count;
  }

  get p99Ms(): number {
    return this.#all.percentile(0.99);
  }

  /** Calls that ended OK. */
  get ok(): number {
    return [...this.#methods.values()]
      .reduce((sum, { codes }) => sum + (codes.get("OK") ?? 0), 0);
  }

  /** Codes of all attempts. */
  get attemptCodes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#attemptCodes].sort());
  }

  report(method: Method, elapsedMs: number): MethodReport | null {
    const stats = this.#methods.get(method);
    if (stats === undefined) return null;
    const { latency, codes, attempts } = stats;
    return {
      calls: latency.count,
      retries: Math.max(0, attempts - latency.count),
      per_second: round(latency.count / (elapsedMs / 1_000)),
      p50_ms: round(latency.percentile(0.5)),
      p95_ms: round(latency.percentile(0.95)),
      p99_ms: round(latency.percentile(0.99)),
      max_ms: round(latency.max),
      codes: Object.fromEntries([...codes].sort()),
    };
  }

  #of(method: Method): MethodStats {
    const known = this.#methods.get(method);
    if (known !== undefined) return known;
    const fresh = { latency: new Histogram(), codes: new Map(), attempts: 0 };
    this.#methods.set(method, fresh);
    return fresh;
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}

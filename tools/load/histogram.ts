/**
 * Latencies in bounded memory: buckets that grow by 2 %, from 10 us to hours.
 *
 * Invariant: a percentile is never below the true one and at most 2 % above it,
 * and never above the largest value seen.
 */
const SMALLEST_MS = 0.01;
const GROWTH = Math.log(1.02);

export class Histogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  add(ms: number): void {
    const bucket = ms <= SMALLEST_MS
      ? 0
      : Math.ceil(Math.log(ms / SMALLEST_MS) / GROWTH);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#max = Math.max(this.#max, ms);
  }

  /** In ms; 0 when nothing was added. @param share in (0, 1] */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      left -= this.#buckets.get(bucket) ?? 0;
      if (left <= 0) {
        return Math.min(this.#max, SMALLEST_MS * Math.exp(bucket * GROWTH));
      }
    }
    return 0;
  }
}

/** Back-off between attempts. */

export interface BackoffOptions {
  /** Delay after the first failure, in ms. */
  readonly baseMs: number;
  /** Longest delay, in ms. */
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Delay in ms after the given number of failures (1 or more): doubled with each, capped, and spread over its
 * upper half so that processes which failed together do not come back together.
 */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const exponent = Math.min(failures - 1, 30);
  const ceiling = Math.min(options.maxMs, options.baseMs * 2 ** exponent);
  return ceiling * (0.5 + options.random() / 2);
}

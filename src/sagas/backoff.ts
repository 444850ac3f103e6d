/** Full-jitter exponential back-off ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). */

export interface BackoffOptions {
  /** Upper bound of the first delay, ms. */
  readonly baseMs: number;
  /** Upper bound of every delay, ms. */
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Delay in ms before the try after `failures` failed ones (1 or more): uniform in
 * [0, min(max, base x 2^(failures-1))), but never less than `atLeastMs`.
 */
export function backoffMs(
  failures: number,
  options: BackoffOptions,
  atLeastMs = 0,
): number {
  const ceiling = Math.min(
    options.maxMs,
    options.baseMs * 2 ** Math.min(failures - 1, 40),
  );
  return Math.max(atLeastMs, Math.floor(options.random() * ceiling));
}

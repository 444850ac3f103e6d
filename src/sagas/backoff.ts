/** Full-jitter exponential back-off ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). */
export interface BackoffOptions {
  /** Upper bound of the first delay, ms. */
  readonly baseMs: number;
  /** Upper bound of every delay, ms. */
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What an answer says of the next try, ms. */
export interface Asked {
  /** Not sooner: what the provider asked for, or an open circuit's rest. */
  readonly askedMs: number;
  /** For so long the provider still keeps the key. */
  readonly keyLeftMs: number;
}

/**
 * Delay in ms before the try after `failures` failed ones (1 or more): uniform in
 * [0, min(max, base x 2^(failures-1))), and that on top of what was asked for. Whoever was told the same time would
 * come back at the same instant, so at least half of it is what they are spread over, or `maxMs` if that is less;
 * but not more than the key is kept for.
 */
export function backoffMs(
  failures: number,
  { baseMs, maxMs, random }: BackoffOptions,
  asked?: Asked,
): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 40));
  if (asked === undefined) return Math.floor(random() * ceiling);
  const { askedMs, keyLeftMs } = asked;
  const spread = Math.max(ceiling, Math.min(maxMs, askedMs / 2));
  const room = Math.max(0, keyLeftMs - askedMs);
  return askedMs + Math.floor(random() * Math.min(spread, room));
}

/** No delay is longer, in ms, when nobody asks for more than `askedMs`. */
export function longestDelayMs(
  { maxMs }: Pick<BackoffOptions, "maxMs">,
  askedMs: number,
): number {
  return Math.max(askedMs, maxMs) + maxMs;
}

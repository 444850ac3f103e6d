/** Waiting that ends. */
import type { Clock } from "@oms/lifecycle";

/** The awaited call took longer than it was given. */
export class TimeLimitError extends Error {
  override readonly name = "TimeLimitError";
}

export interface Bound {
  /** In ms. */
  readonly limitMs: number;
  readonly clock: Pick<Clock, "after">;
  readonly signal?: AbortSignal;
}

/**
 * Settles as `promise` does, unless the limit or the abort comes first. The promise goes on by itself then; its
 * later rejection is not reported.
 * @throws TimeLimitError after `limitMs`
 * @throws the signal's reason when it aborts first
 */
export async function bounded<T>(
  promise: Promise<T>,
  { limitMs, clock, signal }: Bound,
): Promise<T> {
  promise.catch(() => {});
  signal?.throwIfAborted();
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = clock.after(
    limitMs,
    () => reject(new TimeLimitError(`no answer within ${limitMs} ms`)),
  );
  try {
    return await Promise.race([promise, cut]);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

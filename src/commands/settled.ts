/**
 * What `promise` settles with, or the signal's reason if that comes first. Leaves no listener behind.
 *
 * Not promised: that anything stops; the promise goes on by itself.
 */
export function settled<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** What a further signal needs: to come late enough to be one, and a bound for what it leads to. */

/** Signals closer to each other than this count as one, in ms; the lifecycle's SAME_SIGNAL_MS and a little. */
export const APART_MS = 520;

/** The lifecycle's FORCE_MS, and what a busy machine needs to end a process, in ms. */
export const FORCED_WITHIN_MS = 750;

/** The lifecycle tells two signals apart by the time between them; nothing else can be waited for. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

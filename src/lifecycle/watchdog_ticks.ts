/**
 * The watchdog's counting, pure.
 *
 * Invariant: one tick counts for at most {@link MAX_TICK_MS}, however long ago
 * the last one was: a process that was stopped (SIGSTOP) or a machine that
 * slept does not find its watchdog fired on waking.
 * Not promised: precision better than one tick.
 *
 * @module
 */

/** How often the worker ticks, in ms. */
export const TICK_MS = 250;

/** The most that one tick counts for, in ms. */
export const MAX_TICK_MS = 1000;

/** How long after the sum of the budgets the watchdog fires, in ms. */
export const WATCHDOG_MARGIN_MS = 1500;

/** A running count. */
export interface TickCount {
  /** Time of the last tick, monotonic ms. */
  readonly lastAt: number;
  /** What has been counted since the stop began, in ms. */
  readonly countedMs: number;
}

/** The count at the beginning of a stop. */
export function startCount(now: number): TickCount {
  return { lastAt: now, countedMs: 0 };
}

/** The count after one more tick. */
export function tick(count: TickCount, now: number): TickCount {
  const passed = Math.max(0, now - count.lastAt);
  return {
    lastAt: now,
    countedMs: count.countedMs + Math.min(passed, MAX_TICK_MS),
  };
}

/** Whether a stop whose budgets sum up to `budgetMs` is overdue. */
export function isOverdue(count: TickCount, budgetMs: number): boolean {
  return count.countedMs >= budgetMs + WATCHDOG_MARGIN_MS;
}

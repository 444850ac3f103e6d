/**
 * Tells of a wall clock that jumps, and of one that is behind the store.
 *
 * Not promised: jumps below 5 s, nor both halves of one that is taken back within the second between two looks.
 */
import type { Clock } from "@oms/lifecycle";
import { Ages } from "../storage/ages.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { ClockMetrics } from "../telemetry/metrics.ts";

const LOOK_MS = 1_000;

export interface ClockWatchDeps {
  readonly clock: Clock;
  readonly metrics: ClockMetrics;
  readonly log: Logger;
}

/** @throws StoreUnavailableError, StoreFatalError */
export async function openAges(
  store: Pick<Store, "newestAt">,
  { clock, metrics, log }: ClockWatchDeps,
): Promise<Ages> {
  const newestAt = await store.newestAt();
  const ages = new Ages({
    clock,
    newestAt,
    jumped: (byMs) => {
      metrics.jumps.inc({ direction: byMs > 0 ? "forward" : "back" });
      log.warn("wall clock has jumped", { by_ms: Math.round(byMs) });
    },
  });
  const { behindMs } = ages;
  if (newestAt !== null && behindMs > 0) {
    log.warn("wall clock is behind the store", {
      behind_ms: behindMs,
      newest: new Date(newestAt).toISOString(),
    });
  }
  return ages;
}

/** Runs until the signal aborts. */
export async function watchClock(
  ages: Ages,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    ages.look();
    await clock.sleep(LOOK_MS, signal).catch((error) => {
      if (error !== signal.reason) throw error;
    });
  }
}

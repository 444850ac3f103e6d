/**
 * Bounded clean-up: expired idempotency answers and published outbox rows.
 *
 * Not promised: an exact moment. A run that finds more than a batch goes on at once, batch by batch, and never
 * holds the store for longer than one of them. A clock that jumps ahead removes nothing early.
 */
import type { Clock } from "@oms/lifecycle";
import { StoreUnavailableError } from "../storage/errors.ts";
import type { Ages } from "../storage/ages.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { IdempotencyMetrics } from "../telemetry/metrics.ts";

export interface MaintenanceDeps {
  readonly store: Pick<Store, "purge">;
  readonly clock: Clock;
  readonly ages: Ages;
  readonly metrics: IdempotencyMetrics;
  readonly log: Logger;
  /** ms between runs. */
  readonly intervalMs: number;
  /** Rows of each kind per batch. */
  readonly batchSize: number;
  /** ms for which published outbox rows are kept. */
  readonly outboxRetentionMs: number;
}

/** Runs until the signal aborts. @throws StoreFatalError */
export async function runMaintenance(
  deps: MaintenanceDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await cleanUp(deps, signal);
    await deps.clock.sleep(deps.intervalMs, signal).catch((error) => {
      if (error !== signal.reason) throw error;
    });
  }
}

async function cleanUp(
  { store, ages, metrics, log, batchSize, outboxRetentionMs }: MaintenanceDeps,
  signal: AbortSignal,
): Promise<void> {
  let deleted = 0;
  try {
    for (let more = true; more && !signal.aborted;) {
      const now = ages.earliest;
      const purged = await store.purge({
        answersExpiredBefore: now,
        sentBefore: now - outboxRetentionMs,
        limit: batchSize,
      });
      deleted += purged.answers;
      metrics.cleanupDeleted.inc(purged.answers);
      more = Math.max(purged.answers, purged.outboxRows) >= batchSize;
    }
    metrics.cleanupRuns.inc({ result: "ok" });
    metrics.cleanupLastDeleted.set(deleted);
  } catch (error) {
    metrics.cleanupRuns.inc({ result: "error" });
    if (!(error instanceof StoreUnavailableError)) throw error;
    log.warn("clean-up put off, the store is unavailable", { error });
  }
}

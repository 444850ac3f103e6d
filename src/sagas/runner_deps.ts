import type { Clock } from "@oms/lifecycle";
import type { Providers } from "../providers/provider.ts";
import type { Ages } from "../storage/ages.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { SagaObserver } from "./observer.ts";

/** What every run needs. */
export interface RunnerDeps {
  readonly store: Store;
  readonly providers: Providers;
  readonly clock: Clock;
  readonly ages: Ages;
  /** This incarnation: goes into `saga.owner`. */
  readonly owner: string;
  readonly newCommitId: () => string;
  /** ms for which a claim lasts unless renewed, in a store that several processes share. */
  readonly leaseMs: number;
  readonly retry: BackoffOptions;
  /** ms from the first attempt for which providers keep keys. */
  readonly keyRetentionMs: number;
  /** ms after which an unsettled saga is flagged for an operator, and still retried. */
  readonly stuckAfterMs: number;
  /** Aborted when the store is about to close: the last moment for a known result. */
  readonly resultsUntil: AbortSignal;
  readonly observer: SagaObserver;
  readonly log: Logger;
}

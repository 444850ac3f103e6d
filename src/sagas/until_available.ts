/**
 * Waits out a store that is unavailable (disk full, busy): that is no defect of a saga, and no reason to drop
 * what is known.
 *
 * Not promised: an end of the waiting other than the signal's.
 */
import type { Clock } from "@oms/lifecycle";
import { StoreUnavailableError } from "../storage/errors.ts";
import type { Logger } from "../telemetry/logger.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { logFields, type NamedSaga } from "./log_fields.ts";

export interface PatienceDeps {
  readonly clock: Clock;
  readonly retry: BackoffOptions;
  readonly log: Logger;
}

/**
 * The result of `run`, which is repeated with back-off while the store is unavailable.
 * @throws the signal's reason once `until` is aborted; whatever else `run` rejects with
 */
export async function untilAvailable<T>(
  deps: PatienceDeps,
  saga: NamedSaga,
  run: () => Promise<T>,
  until: AbortSignal,
): Promise<T> {
  for (let failures = 1;; failures++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      if (failures === 1) {
        deps.log.warn("store unavailable, saga waits", {
          ...logFields(saga),
          error,
        });
      }
      const delay = backoffMs(failures, deps.retry);
      await deps.clock.sleep(Math.max(1, delay), until);
    }
  }
}

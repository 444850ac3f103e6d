/**
 * Waits out a store that is unavailable (disk full, busy): that is no defect of a saga, and no reason to drop
 * what is known.
 *
 * Not promised: an end of the waiting other than the signal's.
 */
import type { Clock } from "@oms/lifecycle";
import type { Saga } from "../orders/saga.ts";
import { StoreUnavailableError } from "../storage/errors.ts";
import type { Logger } from "../telemetry/logger.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";

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
  saga: Pick<Saga, "id" | "orderId">,
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
          saga_id: saga.id,
          order_id: saga.orderId,
          error,
        });
      }
      const delay = backoffMs(failures, deps.retry);
      await deps.clock.sleep(Math.max(1, delay), until);
    }
  }
}

/** What the engine tells to metrics and to the outbox relay. Callbacks must not throw. */
import type { OrderChange } from "../orders/edit.ts";
import type { Saga, SagaStep } from "../orders/saga.ts";

export interface SagaObserver {
  /** A saga was taken up; `before` is how it was found. */
  claimed(before: Saga): void;
  /** A step has its result on record; ms. */
  step(step: SagaStep, durationMs: number): void;
  /** A step was not sent: the clock cannot tell whether its key is still kept. */
  held(): void;
  /** A change was committed; null when only the saga moved. */
  changed(change: OrderChange | null): void;
  /** The saga is settled or parked; `now` in epoch ms. */
  ended(saga: Saga, now: number): void;
  /** So many open sagas have a definition version that this build does not know. */
  unknownVersions(count: number): void;
  /** Running sagas, and those queued in memory. */
  active(running: number, queued: number): void;
}

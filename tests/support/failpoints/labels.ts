/**
 * Names for what a change set does, from the durable record alone.
 *
 * - `create`, `accept-pay`, `accept-cancel`, `accept-refund`, `refuse` (an answer and nothing else)
 * - `mark-<step>`: the step is attempting from this commit on
 * - `did-<step>`: the last completed step
 * - `end`: the saga is settled or parked
 * - `hand-back`: the saga is given up, open
 *
 * A commit that records one step and marks the next has both names. Invariant: every change set has a name.
 */
import type { Saga } from "../../../src/orders/saga.ts";
import type { ChangeSet } from "../../../src/storage/store.ts";

export function commitLabels(change: ChangeSet): string[] {
  const { sagaInsert, sagaUpdate } = change;
  if (sagaUpdate !== undefined) {
    const names = sagaNames(sagaUpdate.saga, change.orderUpdate !== undefined);
    const { kind } = sagaUpdate.saga;
    return names.flatMap((name) => [name, `${kind}/${name}`]);
  }
  if (sagaInsert !== undefined) return [`accept-${sagaInsert.kind}`];
  return change.orderInsert !== undefined ? ["create"] : ["refuse"];
}

function sagaNames(saga: Saga, changesOrder: boolean): string[] {
  const { state, attempt, completedSteps, owner } = saga;
  if (state === "open" && owner === null) return ["hand-back"];
  const done = completedSteps.at(-1);
  const names = [
    ...(done !== undefined && changesOrder ? [`did-${done}`] : []),
    ...(attempt !== null ? [`mark-${attempt.step}`] : []),
    ...(state !== "open" ? ["end"] : []),
  ];
  return names.length > 0 ? names : ["claim"];
}

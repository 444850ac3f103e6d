/**
 * Wrong engines. Each does at its ports what the engine would do if one of its rules were missing, so that no
 * switch for it is in the product. The simulation has to catch them all.
 */
import { OrderEdit } from "../../../src/orders/edit.ts";
import type { SagaId } from "../../../src/orders/ids.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import type {
  ProviderCall,
  ProviderResult,
} from "../../../src/providers/provider.ts";
import { definitionOf } from "../../../src/sagas/definitions.ts";
import type { MemoryState } from "../../../src/storage/memory.ts";
import type {
  ChangeSet,
  CommitResult,
  Store,
} from "../../../src/storage/store.ts";
import { isKeyOfReserve } from "../provider_ledger.ts";
import type { Mutant } from "./process.ts";

type Commit = (
  change: ChangeSet,
  store: Store,
  state: MemoryState,
) => Promise<CommitResult>;

/** An engine that commits otherwise; what the function keeps is one process's. */
function committing(make: () => Commit): Mutant {
  return {
    store: (store, state) => {
      const commit = make();
      return { ...store, commit: (change) => commit(change, store, state) };
    },
  };
}

/** An engine that writes other sagas or orders than it knows. */
function writing(
  edit: (change: ChangeSet, state: MemoryState) => ChangeSet,
): Mutant {
  return committing(() => (change, store, state) =>
    store.commit(edit(change, state))
  );
}

/** The stored saga whose open attempt this change resolves. */
function resolved(
  { sagaUpdate }: ChangeSet,
  state: MemoryState,
): Saga | null {
  if (sagaUpdate === undefined) return null;
  const { id, attempt } = sagaUpdate.saga;
  const stored = state.sagas.get(id);
  if (stored === undefined || stored.attempt === null) return null;
  return stored.attempt.step === attempt?.step ? null : stored;
}

/** The result of a step, and the mark of the next one, are written only together with the next result. */
const skippedCheckpoint = committing(() => {
  const owed = new Map<SagaId, ChangeSet>();
  return async (change, store, state) => {
    const id = change.sagaUpdate?.saga.id;
    if (id === undefined) return await store.commit(change);
    const earlier = owed.get(id);
    owed.delete(id);
    const skips = change.sagaUpdate?.saga.attempt !== null &&
      resolved(change, state) !== null;
    if (earlier === undefined && skips) {
      owed.set(id, change);
      return { kind: "committed" };
    }
    if (earlier !== undefined) {
      const result = await store.commit(earlier);
      if (result.kind === "conflict") return result;
    }
    return await store.commit(change);
  };
});

const newKeyOnRetry: Mutant = {
  providers: (providers) => {
    const sent = new Map<string, number>();
    const renamed =
      (send: (call: ProviderCall) => Promise<ProviderResult>) =>
      (call: ProviderCall) => {
        const key = call.idempotencyKey;
        const nth = sent.get(key) ?? 0;
        sent.set(key, nth + 1);
        const idempotencyKey = nth === 0 ? key : `${key}#${nth}`;
        return send({ ...call, idempotencyKey });
      };
    const { payment, inventory } = providers;
    return {
      ...providers,
      payment: {
        charge: renamed(payment.charge),
        refund: renamed(payment.refund),
      },
      inventory: {
        reserve: renamed(inventory.reserve),
        release: renamed(inventory.release),
      },
    };
  },
};

/** Fences grow as they should, and nobody looks at them. */
const ignoredFence = writing((change, state) => {
  const update = change.sagaUpdate;
  const stored = update && state.sagas.get(update.saga.id);
  if (update === undefined || stored === undefined) return change;
  const { saga, expectedFence } = update;
  const fence = stored.fence + saga.fence - expectedFence;
  return {
    ...change,
    sagaUpdate: {
      ...update,
      saga: { ...saga, fence },
      expectedFence: stored.fence,
    },
  };
});

const noAttemptMark = writing((change) => {
  const update = change.sagaUpdate;
  if (update === undefined) return change;
  const saga = { ...update.saga, attempt: null };
  return { ...change, sagaUpdate: { ...update, saga } };
});

/** CONFIRMED is written over whatever the order has become meanwhile. */
const cancelNotRechecked = committing(() => async (change, store, state) => {
  const saga = change.sagaUpdate?.saga;
  const confirmed = change.orderUpdate?.order;
  for (let next = change, again = 1;; again++) {
    const result = await store.commit(next);
    const moved = result.kind === "conflict" &&
      result.which === "order_version";
    const stored = confirmed && state.orders.get(confirmed.id);
    if (
      !moved || saga === undefined || stored === undefined ||
      confirmed?.status !== "CONFIRMED" || saga.kind !== "pay"
    ) return result;
    const { updatedAt: now } = confirmed;
    const edit = new OrderEdit(stored, { now, traceparent: null, saga });
    definitionOf(saga)?.confirm?.(edit, saga);
    const { order, timeline, outbox } = edit.finish();
    next = {
      ...change,
      commitId: `${change.commitId}-${again}`,
      orderUpdate: { order, expectedVersion: stored.version },
      timeline,
      outbox,
    };
  }
});

const noRefundHold = writing((change) => {
  const update = change.orderUpdate;
  if (update === undefined) return change;
  const order = { ...update.order, heldMinor: 0n };
  return { ...change, orderUpdate: { ...update, order } };
});

/** A declined reserve has reserved nothing, whatever became of the call before. */
const noReleaseInDoubt: Mutant = {
  providers: ({ payment, inventory, close }) => ({
    payment,
    inventory: {
      reserve: inventory.reserve,
      release: (call) =>
        isKeyOfReserve(JSON.parse(call.body).reservation_id)
          ? Promise.resolve({ kind: "done", id: "", gone: true })
          : inventory.release(call),
    },
    close,
  }),
};

/** When the order has moved, a step's known result is forgotten and the step decided anew. */
const droppedResult = committing(() => async (change, store, state) => {
  const known = resolved(change, state);
  const result = await store.commit(change);
  const moved = result.kind === "conflict" && result.which === "order_version";
  if (!moved || known === null) return result;
  const fence = known.fence + 1;
  await store.commit({
    commitId: `${change.commitId}-forget`,
    sagaUpdate: {
      saga: { ...known, attempt: null, owner: null, fence },
      expectedFence: known.fence,
    },
  });
  return { kind: "conflict", which: "saga_fence" };
});

const answerBeforeCommit = committing(() => async (change, store) => {
  if (change.answer === undefined) return await store.commit(change);
  store.commit(change).catch(() => {});
  return { kind: "committed" };
});

/** Leases are taken for renewed without asking the store. */
const renewalsUnsent: Mutant = {
  store: (store) => ({
    ...store,
    leases: store.leases.kind === "exclusive"
      ? store.leases
      : { kind: "timed", renew: () => Promise.resolve([]) },
  }),
};

/** A wall clock that goes on as it began: what it has moved since, as after a suspended machine, is not looked at. */
const monotonicAlone: Mutant = {
  clock: (clock) => {
    const ahead = clock.wallNow() - clock.now();
    return {
      now: () => clock.now(),
      wallNow: () => clock.now() + ahead,
      after: (ms, fn) => clock.after(ms, fn),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
  },
};

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "a checkpoint is skipped": skippedCheckpoint,
  "a retry takes a new key": newKeyOnRetry,
  "the fence is ignored": ignoredFence,
  "no attempt is marked": noAttemptMark,
  "the cancel is not checked again at the last commit": cancelNotRechecked,
  "a refund takes no hold": noRefundHold,
  "a result is dropped when the order has moved": droppedResult,
  "a reservation in doubt is not released": noReleaseInDoubt,
  "the answer is given before the commit": answerBeforeCommit,
  "leases are not renewed in the store": renewalsUnsent,
  "the monotonic clock alone tells an age": monotonicAlone,
};

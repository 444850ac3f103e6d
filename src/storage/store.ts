/**
 * The Store port: the one durable truth.
 *
 * `commit` is all or nothing. When it answers `committed`, the change is on stable storage and every later
 * read sees it, also after a SIGKILL of this process. When it answers `conflict`, nothing of the change set
 * was written. When it throws StoreUnavailableError, the caller may send the same change set again: it is written
 * once, because a store that cannot know whether a lost COMMIT took effect recognises its `commitId`. After
 * StoreFatalError the store is unusable and the process has to stop.
 *
 * Not promised: an order between change sets of different callers; reads that see a commit not yet answered.
 */
import type { EventTopic, Generation, OutboxDraft } from "../orders/events.ts";
import type { OrderId, SagaId } from "../orders/ids.ts";
import type { Order, OrderStatus, TimelineEntry } from "../orders/order.ts";
import type { Saga, SagaKind } from "../orders/saga.ts";
import type { Page, PageLimits } from "./page.ts";

/** A terminal answer to a mutating call, replayed byte for byte for `OMS_IDEMPOTENCY_TTL`. */
export interface StoredAnswer {
  readonly key: string;
  /** Hex digest over method and re-encoded request. */
  readonly fingerprint: string;
  /** gRPC status code: OK, NOT_FOUND or FAILED_PRECONDITION. */
  readonly code: number;
  readonly message: string;
  /** The response's bytes; of a refusal its machine-readable reason, as UTF-8. */
  readonly payload: Uint8Array;
  readonly createdAt: number;
  /** Epoch ms; from then on the key is unused again. */
  readonly expiresAt: number;
}

/** Conditional writes. An absent part is neither checked nor written. */
export interface ChangeSet {
  /** Unique per change set, and kept when it is sent again: a store may need it to recognise what it has. */
  readonly commitId: string;
  readonly orderInsert?: Order;
  /** Written only when the stored version is `expectedVersion`; `order.version` is the new one. */
  readonly orderUpdate?: {
    readonly order: Order;
    readonly expectedVersion: bigint;
  };
  /** Checked only: the change was decided against this version. */
  readonly orderCheck?: {
    readonly id: OrderId;
    readonly expectedVersion: bigint;
  };
  readonly sagaInsert?: Saga;
  readonly sagaUpdate?: SagaUpdate;
  readonly timeline?: readonly TimelineEntry[];
  readonly outbox?: readonly OutboxDraft[];
  /** Written only when the key is unused or expired. */
  readonly answer?: StoredAnswer;
}

export interface SagaUpdate {
  readonly saga: Saga;
  /** Written only when the stored fence is this one. */
  readonly expectedFence: number;
  /**
   * Take the saga over (`saga.owner` is the new owner): also requires that it is open, that nobody else holds
   * it, and that every lower-numbered saga of its order has ended. A holder may claim its own saga again.
   */
  readonly claim?: Claim;
}

export interface Claim {
  /** ms for which the saga is the claimer's unless renewed, by a timed store's own clock; exclusive ones ignore it. */
  readonly leaseMs: number;
}

/**
 * How a store tells that an owner no longer works on a saga.
 * - `exclusive`: one process locks the store, so every other incarnation is dead and its sagas are free at once;
 *   this process never loses one. `leaseUntil` means nothing.
 * - `timed`: several processes share the store. A saga is free when its lease has run out by the store's own
 *   clock. `leaseUntil` is the store's alone: a claim sets it, `renew` moves it, a release clears it, and what a
 *   saga update says of it is ignored.
 */
export type Leases =
  | { readonly kind: "exclusive" }
  | {
    readonly kind: "timed";
    /**
     * From now on each of these is the caller's for `leaseMs` again, also when its lease had run out and nobody
     * has taken it over. One write for all.
     * @returns those that have another owner by now, and were left alone
     * @throws StoreUnavailableError, StoreFatalError
     */
    renew(held: readonly SagaId[], leaseMs: number): Promise<SagaId[]>;
  };

export type Conflict =
  | "order_exists"
  | "order_version"
  | "saga_fence"
  | "saga_not_claimable"
  | "key_used";

export type CommitResult =
  | { readonly kind: "committed" }
  | { readonly kind: "conflict"; readonly which: Conflict };

/** Position in `created_at desc, id desc`: the last order of the previous page. */
export interface ListPosition {
  readonly createdAt: number;
  readonly id: OrderId;
}

/** Sizes are those of `sizeOf`. */
export interface ListQuery extends PageLimits {
  readonly customerId: string;
  /** Empty: all. */
  readonly statuses: readonly OrderStatus[];
  readonly after: ListPosition | null;
}

/** A part of a timeline; sizes are those of `sizeOfEntry`. */
export interface TimelineQuery extends PageLimits {
  /** How many entries, from the oldest on, to leave out: entries are only ever added. Absent: none. */
  readonly after?: number;
}

export interface DueQuery {
  /** Epoch ms. */
  readonly now: number;
  /**
   * Epoch ms; a saga that has to wait beyond it is due, too, after the others. Nobody postpones that far: the
   * clock that its time came from has been set back since. Absent: none is.
   */
  readonly horizon?: number;
  readonly limit: number;
  /** Definition versions that the caller can run. */
  readonly versions: Readonly<Record<SagaKind, readonly number[]>>;
}

export interface SagaStats {
  readonly open: Readonly<Record<SagaKind, number>>;
  /** Parked sagas, and open ones that carry a stuck reason. */
  readonly stuck: number;
  /** Epoch ms of the oldest unfinished saga's acceptance; null when there is none. */
  readonly oldestUnfinishedAt: number | null;
}

/** Open sagas that the caller cannot run. */
export interface UnknownSagas {
  /** The oldest of them. */
  readonly first: readonly Saga[];
  readonly count: number;
  /** Of these, those that carry no stuck reason. */
  readonly unflagged: number;
}

export interface OutboxRow extends OutboxDraft {
  /** Grows with every insert; order of commits. */
  readonly position: number;
}

export interface OutboxStats {
  readonly pending: number;
  /** Epoch ms; null when nothing is pending. */
  readonly oldestCreatedAt: number | null;
  /** Rows that were marked as dead letters. */
  readonly deadLetters: number;
}

/** What a bounded clean-up removes: sent rows, dead letters aside, and answers older than the given epoch ms, at most `limit` of each kind. */
export interface PurgeQuery {
  readonly answersExpiredBefore: number;
  readonly sentBefore: number;
  readonly limit: number;
}

export interface PurgeResult {
  readonly answers: number;
  readonly outboxRows: number;
}

export interface Store {
  /** Driver name for logs: sqlite, memory. */
  readonly driver: string;
  readonly leases: Leases;
  /** It is part of the ids of the events that are written from now on, as `inGeneration` says. */
  readonly generation: Generation;
  /** True: the operator said that this start continues a copy, so the generation is a new one. */
  readonly restored: boolean;
  /**
   * @param options.signal reaches the place in the queue: when it aborts before writing began, the promise
   * rejects with the signal's reason and nothing is written; afterwards it has no effect.
   * @throws StoreUnavailableError nothing is known to have been written
   * @throws StoreFatalError the store is unusable; whether the change was written is not known
   * @throws StoreContradictionError an inserted saga is already there, or an order's money breaks the
   * invariant of src/orders/order.ts: nothing was written
   */
  commit(
    change: ChangeSet,
    options?: { readonly signal?: AbortSignal },
  ): Promise<CommitResult>;

  order(id: OrderId): Promise<Order | null>;
  /**
   * In the order of writing.
   * @param options.signal as of `list`
   */
  timeline(
    id: OrderId,
    query?: TimelineQuery,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Page<TimelineEntry>>;
  /**
   * Newest first.
   * @param options.signal a read that takes several steps ends between two of them, with the signal's reason
   */
  list(
    query: ListQuery,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Page<Order>>;
  /** Null when unknown or expired at `now` (epoch ms). */
  answer(key: string, now: number): Promise<StoredAnswer | null>;

  saga(id: SagaId): Promise<Saga | null>;
  /** Claimable sagas that this owner does not hold, each the lowest-numbered unfinished one of its order, oldest due first. */
  dueSagas(query: DueQuery): Promise<Saga[]>;
  /**
   * Epoch ms at which the next saga that `dueSagas` would return becomes due; null when there is none.
   * @param versions without it sagas of every definition version count
   * @param after epoch ms; what is due by then does not count
   */
  nextDueAt(
    versions?: DueQuery["versions"],
    after?: number,
  ): Promise<number | null>;
  /** The lowest-numbered unfinished saga of the order. */
  nextSaga(orderId: OrderId): Promise<Saga | null>;
  sagaStats(): Promise<SagaStats>;
  /**
   * Open sagas of other definition versions than these, which a later release has left behind. Not cheap with many
   * open sagas.
   */
  unknownSagas(
    versions: DueQuery["versions"],
    limit: number,
  ): Promise<UnknownSagas>;

  /** Unsent rows of a topic beyond `after`, by position. */
  outbox(topic: EventTopic, after: number, limit: number): Promise<OutboxRow[]>;
  /**
   * Marks rows as sent; durable when it resolves. Unknown positions are ignored.
   * @param deadLetters those of the positions that no clean-up removes
   */
  markSent(
    positions: readonly number[],
    now: number,
    deadLetters?: readonly number[],
  ): Promise<void>;
  outboxStats(): Promise<OutboxStats>;

  /**
   * Epoch ms of the newest time that was written by the clock of whoever wrote, as far as a bounded search shows:
   * newest events and their sending, unfinished sagas, newest answers, reports. Null in a new store.
   */
  newestAt(): Promise<number | null>;

  purge(query: PurgeQuery): Promise<PurgeResult>;

  /** Keeps a stop's report (JSON) beyond the process; the newest 20 are kept, in the order of the calls. */
  saveReport(report: string, now: number): Promise<void>;
  /** Whatever `now` it was saved with: clocks jump. */
  lastReport(): Promise<string | null>;

  /** Resolves when the store can read and write; rejects with the reason otherwise, also when it has just refused a change. */
  ping(): Promise<void>;
  /** Finishes queued commits, refuses later ones, flushes and releases the files. Idempotent. */
  close(): Promise<void>;
}

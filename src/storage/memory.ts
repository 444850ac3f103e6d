/**
 * The Store port in memory, for unit tests and for trying the service without a disk.
 *
 * Invariants: a change set is applied in one synchronous step; two handles over one MemoryState see each
 * other's commits, so a restart is a new handle with a new owner over the same state.
 *
 * Not promised: anything after the process ends.
 */
import type { EventTopic, Generation } from "../orders/events.ts";
import type { OrderId, SagaId } from "../orders/ids.ts";
import type { Order, TimelineEntry } from "../orders/order.ts";
import type { Saga } from "../orders/saga.ts";
import { sizeOf, sizeOfEntry } from "../orders/size.ts";
import { StoreFatalError, StoreUnavailableError } from "./errors.ts";
import { copyAnswer, MemoryState, type OwnershipRule } from "./memory_state.ts";
import { type Page, pageOf } from "./page.ts";
import type {
  ChangeSet,
  CommitResult,
  DueQuery,
  Leases,
  ListQuery,
  OutboxRow,
  OutboxStats,
  PurgeQuery,
  PurgeResult,
  SagaStats,
  Store,
  StoredAnswer,
  TimelineQuery,
  UnknownSagas,
} from "./store.ts";

export { MemoryState } from "./memory_state.ts";

/** Crash points. A throw before means nothing was written; after, that it was and the answer was lost. */
export interface MemoryHooks {
  readonly beforeCommit?: (change: ChangeSet) => void | Promise<void>;
  readonly afterCommit?: (change: ChangeSet) => void | Promise<void>;
}

export interface MemoryStoreOptions {
  /**
   * Epoch ms. With a clock a saga is free when its lease has run out, as in a store that several processes
   * share; without one every other owner is taken for dead, as in a store that one process locks.
   */
  readonly leaseClock?: () => number;
  readonly hooks?: MemoryHooks;
  /** True: the state is a copy of an earlier one, and begins another generation. */
  readonly restored?: boolean;
}

export class MemoryStore implements Store {
  readonly driver = "memory";
  readonly leases: Leases;
  readonly generation: Generation;
  readonly restored: boolean;
  readonly #state: MemoryState;
  readonly #owner: string;
  readonly #options: MemoryStoreOptions;
  readonly #rule: OwnershipRule;
  readonly #running = new Set<Promise<unknown>>();
  #closed: StoreUnavailableError | null = null;
  #crashed: StoreFatalError | null = null;

  /** @param owner this process's incarnation, as in `Saga.owner` */
  constructor(
    state: MemoryState = new MemoryState(),
    owner = "memory",
    options: MemoryStoreOptions = {},
  ) {
    this.#state = state;
    this.#owner = owner;
    this.#options = options;
    const { leaseClock, restored = false } = options;
    this.restored = restored;
    if (restored) state.beginGeneration();
    this.generation = state.generation;
    this.#rule = {
      isFree: (saga) => this.#isFree(saga),
      now: () => leaseClock?.() ?? null,
    };
    this.leases = leaseClock === undefined ? { kind: "exclusive" } : {
      kind: "timed",
      renew: (held, leaseMs) =>
        this.#read((state) => state.renew(held, owner, leaseClock() + leaseMs)),
    };
  }

  commit(
    change: ChangeSet,
    options?: { readonly signal?: AbortSignal },
  ): Promise<CommitResult> {
    const running = this.#commit(change, options?.signal);
    const settled = running.then(() => {}, () => {});
    this.#running.add(settled);
    settled.then(() => this.#running.delete(settled));
    return running;
  }

  /** The process died: later calls of this handle fail and nothing that waits in a hook is written. */
  crash(): void {
    this.#crashed = new StoreFatalError(
      "Cannot use the store: its process has crashed; open a new handle",
    );
  }

  order(id: OrderId): Promise<Order | null> {
    return this.#read((state) => state.orders.get(id) ?? null);
  }

  timeline(
    id: OrderId,
    query: TimelineQuery = {},
  ): Promise<Page<TimelineEntry>> {
    return this.#read((state) => {
      const rest = (state.timelines.get(id) ?? []).slice(query.after ?? 0);
      return pageOf(rest, query, sizeOfEntry);
    });
  }

  list(query: ListQuery): Promise<Page<Order>> {
    const { after, statuses } = query;
    return this.#read((state) => {
      const found = state.ordersOf(query.customerId)
        .filter((order) =>
          (statuses.length === 0 || statuses.includes(order.status)) &&
          (after === null || newestFirst(after, order) < 0)
        )
        .sort(newestFirst);
      return pageOf(found, query, sizeOf);
    });
  }

  answer(key: string, now: number): Promise<StoredAnswer | null> {
    return this.#read((state) => {
      const found = state.answers.get(key);
      return found !== undefined && found.expiresAt > now
        ? copyAnswer(found)
        : null;
    });
  }

  saga(id: SagaId): Promise<Saga | null> {
    return this.#read((state) => state.sagas.get(id) ?? null);
  }

  dueSagas(query: DueQuery): Promise<Saga[]> {
    return this.#read(() =>
      this.#claimable(query.versions)
        .filter(({ nextAttemptAt }) =>
          nextAttemptAt <= query.now ||
          nextAttemptAt > (query.horizon ?? Infinity)
        )
        .slice(0, query.limit)
    );
  }

  nextDueAt(
    versions?: DueQuery["versions"],
    after = -Infinity,
  ): Promise<number | null> {
    return this.#read(() =>
      this.#claimable(versions).find(({ nextAttemptAt }) =>
        nextAttemptAt > after
      )?.nextAttemptAt ?? null
    );
  }

  nextSaga(orderId: OrderId): Promise<Saga | null> {
    return this.#read((state) => state.head(orderId));
  }

  sagaStats(): Promise<SagaStats> {
    return this.#read((state) => {
      const open = { pay: 0, cancel: 0, refund: 0 };
      let stuck = 0;
      let oldest: number | null = null;
      for (const saga of state.unfinished()) {
        if (saga.state === "open") open[saga.kind] += 1;
        if (saga.state === "parked" || saga.stuckReason !== null) stuck += 1;
        oldest = Math.min(oldest ?? saga.createdAt, saga.createdAt);
      }
      return { open, stuck, oldestUnfinishedAt: oldest };
    });
  }

  unknownSagas(
    versions: DueQuery["versions"],
    limit: number,
  ): Promise<UnknownSagas> {
    return this.#read((state) => {
      const found = [...state.unfinished()]
        .filter((saga) =>
          saga.state === "open" &&
          !versions[saga.kind].includes(saga.definitionVersion)
        )
        .sort((a, b) => a.createdAt - b.createdAt);
      return {
        first: found.slice(0, limit),
        count: found.length,
        unflagged: found.filter((saga) => saga.stuckReason === null).length,
      };
    });
  }

  outbox(
    topic: EventTopic,
    after: number,
    limit: number,
  ): Promise<OutboxRow[]> {
    return this.#read((state) => {
      const rows: OutboxRow[] = [];
      for (const row of state.unsent[topic].values()) {
        if (rows.length === limit) break;
        if (row.position > after) rows.push(row);
      }
      return rows;
    });
  }

  markSent(
    positions: readonly number[],
    now: number,
    deadLetters: readonly number[] = [],
  ): Promise<void> {
    return this.#read((state) => state.markSent(positions, now, deadLetters));
  }

  outboxStats(): Promise<OutboxStats> {
    return this.#read(({ unsent, deadLetters }) => {
      const heads = [unsent.order, unsent.saga]
        .flatMap((rows) => rows.values().take(1).toArray())
        .map((row) => row.createdAt);
      return {
        pending: unsent.order.size + unsent.saga.size,
        oldestCreatedAt: heads.length === 0 ? null : Math.min(...heads),
        deadLetters,
      };
    });
  }

  newestAt(): Promise<number | null> {
    return this.#read((state) => state.newestAt());
  }

  purge(query: PurgeQuery): Promise<PurgeResult> {
    return this.#read((state) => state.purge(query));
  }

  saveReport(report: string, now: number): Promise<void> {
    return this.#read((state) => state.saveReport(report, now));
  }

  lastReport(): Promise<string | null> {
    return this.#read((state) => state.reports.at(-1)?.report ?? null);
  }

  ping(): Promise<void> {
    return this.#read(() => {});
  }

  async close(): Promise<void> {
    const running = [...this.#running];
    this.#closed ??= new StoreUnavailableError(
      "Cannot use the store: it is closed; open it again",
    );
    await Promise.all(running);
  }

  async #commit(
    change: ChangeSet,
    signal: AbortSignal | undefined,
  ): Promise<CommitResult> {
    this.#refuseWhenGone();
    signal?.throwIfAborted();
    await this.#options.hooks?.beforeCommit?.(change);
    signal?.throwIfAborted();
    if (this.#crashed !== null) throw this.#crashed;
    const which = this.#state.apply(change, this.#rule);
    if (which !== null) return { kind: "conflict", which };
    await this.#options.hooks?.afterCommit?.(change);
    return { kind: "committed" };
  }

  // deno-lint-ignore require-await -- a throw has to become a rejection
  async #read<T>(read: (state: MemoryState) => T): Promise<T> {
    this.#refuseWhenGone();
    return read(this.#state);
  }

  #refuseWhenGone(): void {
    if (this.#crashed !== null) throw this.#crashed;
    if (this.#closed !== null) throw this.#closed;
  }

  #isFree(saga: Saga): boolean {
    if (saga.owner === null) return true;
    const { leaseClock } = this.#options;
    if (leaseClock === undefined) return saga.owner !== this.#owner;
    return saga.leaseUntil !== null && saga.leaseUntil <= leaseClock();
  }

  #claimable(versions: DueQuery["versions"] | undefined): Saga[] {
    const found: Saga[] = [];
    for (const saga of this.#state.unfinished()) {
      if (saga.state !== "open" || !this.#isFree(saga)) continue;
      if (versions?.[saga.kind].includes(saga.definitionVersion) === false) {
        continue;
      }
      if (this.#state.head(saga.orderId)?.id === saga.id) found.push(saga);
    }
    return found.sort((a, b) =>
      a.nextAttemptAt - b.nextAttemptAt || compareText(a.id, b.id)
    );
  }
}

interface Listed {
  readonly createdAt: number;
  readonly id: OrderId;
}

function newestFirst(a: Listed, b: Listed): number {
  return b.createdAt - a.createdAt || compareText(b.id, a.id);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

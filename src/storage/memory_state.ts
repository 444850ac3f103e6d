/**
 * The records behind one or more MemoryStore handles: what would be the file.
 *
 * Invariants: `apply` checks everything before it writes anything, and runs without an await, so a change
 * set is seen whole or not at all. Records are kept as they were given; callers do not mutate them.
 *
 * Not promised: durability, or speed with many unfinished sagas.
 */
import {
  type EventTopic,
  FIRST_GENERATION,
  type Generation,
  inGeneration,
} from "../orders/events.ts";
import type { OrderId, SagaId } from "../orders/ids.ts";
import type { Order, TimelineEntry } from "../orders/order.ts";
import { isUnfinished, type Saga } from "../orders/saga.ts";
import { StoreContradictionError } from "./errors.ts";
import { nextGeneration } from "./generation.ts";
import type {
  ChangeSet,
  Conflict,
  OutboxRow,
  PurgeQuery,
  PurgeResult,
  SagaUpdate,
  StoredAnswer,
} from "./store.ts";

/** What the handle that applies a change set knows of ownership. */
export interface OwnershipRule {
  /** True when the saga may be taken over by a claim. */
  isFree(saga: Saga): boolean;
  /** Epoch ms of the store's clock; null when leases have no time. */
  now(): number | null;
}

interface SentRow {
  readonly position: number;
  readonly sentAt: number;
}

const REPORTS_KEPT = 20;

export class MemoryState {
  readonly orders = new Map<OrderId, Order>();
  readonly timelines = new Map<OrderId, TimelineEntry[]>();
  readonly sagas = new Map<SagaId, Saga>();
  readonly answers = new Map<string, StoredAnswer>();
  readonly reports: { readonly report: string; readonly at: number }[] = [];
  /** Insertion order is position order. */
  readonly unsent: Readonly<Record<EventTopic, Map<number, OutboxRow>>> = {
    order: new Map(),
    saga: new Map(),
  };
  readonly #unfinished = new Map<OrderId, Map<SagaId, Saga>>();
  readonly #customers = new Map<string, Set<OrderId>>();
  readonly #sent: SentRow[] = [];
  deadLetters = 0;
  #position = 0;
  #generation = FIRST_GENERATION;

  /** Every event ever committed, also sent ones: for tests that judge what was published. */
  readonly events: OutboxRow[] = [];

  /**
   * @returns null when everything was written, else the first condition that did not hold
   * @throws StoreContradictionError an inserted saga or its number is already there, or the money is impossible
   */
  apply(change: ChangeSet, rule: OwnershipRule): Conflict | null {
    const conflict = this.#check(change, rule);
    if (conflict !== null) return conflict;
    if (change.answer !== undefined) {
      this.answers.set(change.answer.key, copyAnswer(change.answer));
    }
    if (change.orderInsert !== undefined) this.#putOrder(change.orderInsert);
    if (change.orderUpdate !== undefined) {
      this.#putOrder(change.orderUpdate.order);
    }
    if (change.sagaInsert !== undefined) this.#putSaga(change.sagaInsert);
    if (change.sagaUpdate !== undefined) {
      this.#putSaga(this.#leased(change.sagaUpdate, rule.now()));
    }
    for (const entry of change.timeline ?? []) {
      const entries = this.timelines.get(entry.orderId) ?? [];
      entries.push(entry);
      this.timelines.set(entry.orderId, entries);
    }
    for (const draft of change.outbox ?? []) {
      const row: OutboxRow = {
        ...inGeneration(draft, this.#generation),
        position: ++this.#position,
      };
      this.unsent[row.topic].set(row.position, row);
      this.events.push(row);
    }
    return null;
  }

  get generation(): Generation {
    return this.#generation;
  }

  beginGeneration(): void {
    this.#generation = nextGeneration(this.#generation.number);
  }

  ordersOf(customerId: string): Order[] {
    const found: Order[] = [];
    for (const id of this.#customers.get(customerId) ?? []) {
      const order = this.orders.get(id);
      if (order !== undefined) found.push(order);
    }
    return found;
  }

  *unfinished(): Generator<Saga> {
    for (const sagas of this.#unfinished.values()) yield* sagas.values();
  }

  /** The lowest-numbered unfinished saga of the order. */
  head(orderId: OrderId): Saga | null {
    let head: Saga | null = null;
    for (const saga of this.#unfinished.get(orderId)?.values() ?? []) {
      if (head === null || saga.number < head.number) head = saga;
    }
    return head;
  }

  /** Moves the lease of those that `owner` still holds; answers the others. */
  renew(
    held: readonly SagaId[],
    owner: string,
    leaseUntil: number,
  ): SagaId[] {
    const lost: SagaId[] = [];
    for (const id of held) {
      const stored = this.sagas.get(id);
      if (stored?.owner === owner) {
        this.#putSaga({ ...stored, leaseUntil });
      } else lost.push(id);
    }
    return lost;
  }

  markSent(
    positions: readonly number[],
    sentAt: number,
    deadLetters: readonly number[],
  ): void {
    for (const position of positions) {
      const known = this.unsent.order.delete(position) ||
        this.unsent.saga.delete(position);
      if (!known) continue;
      if (deadLetters.includes(position)) this.deadLetters += 1;
      else this.#sent.push({ position, sentAt });
    }
  }

  newestAt(): number | null {
    let newest = -Infinity;
    const seen = (at: number | undefined) => {
      newest = Math.max(newest, at ?? -Infinity);
    };
    for (const saga of this.unfinished()) {
      seen(saga.updatedAt);
      seen(saga.attempt?.firstAttemptAt);
    }
    for (const { at } of this.reports) seen(at);
    for (const { sentAt } of this.#sent) seen(sentAt);
    for (const { createdAt } of this.answers.values()) seen(createdAt);
    seen(this.events.at(-1)?.createdAt);
    return newest === -Infinity ? null : newest;
  }

  purge(query: PurgeQuery): PurgeResult {
    let answers = 0;
    for (const [key, answer] of this.answers) {
      if (answers === query.limit) break;
      if (answer.expiresAt >= query.answersExpiredBefore) continue;
      this.answers.delete(key);
      answers += 1;
    }
    let outboxRows = 0;
    for (let i = 0; i < this.#sent.length && outboxRows < query.limit;) {
      const row = this.#sent[i];
      if (row !== undefined && row.sentAt < query.sentBefore) {
        this.#sent.splice(i, 1);
        outboxRows += 1;
      } else i += 1;
    }
    return { answers, outboxRows };
  }

  saveReport(report: string, at: number): void {
    this.reports.push({ report, at });
    if (this.reports.length > REPORTS_KEPT) this.reports.shift();
  }

  #check(change: ChangeSet, rule: OwnershipRule): Conflict | null {
    const { answer, orderInsert, orderUpdate, orderCheck } = change;
    if (answer !== undefined) {
      const stored = this.answers.get(answer.key);
      if (stored !== undefined && stored.expiresAt > answer.createdAt) {
        return "key_used";
      }
    }
    if (orderInsert !== undefined && this.orders.has(orderInsert.id)) {
      return "order_exists";
    }
    if (
      orderUpdate !== undefined &&
      this.orders.get(orderUpdate.order.id)?.version !==
        orderUpdate.expectedVersion
    ) return "order_version";
    if (
      orderCheck !== undefined &&
      this.orders.get(orderCheck.id)?.version !== orderCheck.expectedVersion
    ) return "order_version";
    if (change.sagaUpdate !== undefined) {
      const conflict = this.#checkSaga(change.sagaUpdate, rule);
      if (conflict !== null) return conflict;
    }
    if (change.sagaInsert !== undefined) this.#refuseTwin(change.sagaInsert);
    if (orderInsert !== undefined) refuseImpossibleMoney(orderInsert);
    if (orderUpdate !== undefined) refuseImpossibleMoney(orderUpdate.order);
    return null;
  }

  #checkSaga(update: SagaUpdate, rule: OwnershipRule): Conflict | null {
    const stored = this.sagas.get(update.saga.id);
    if (stored === undefined || stored.fence !== update.expectedFence) {
      return "saga_fence";
    }
    if (update.claim === undefined) return null;
    const held = stored.owner !== update.saga.owner && !rule.isFree(stored);
    const isHead = this.head(stored.orderId)?.id === stored.id;
    return stored.state === "open" && !held && isHead
      ? null
      : "saga_not_claimable";
  }

  /** The saga with the lease that it has from now on. */
  #leased({ saga, claim }: SagaUpdate, now: number | null): Saga {
    if (now === null) return saga;
    if (saga.owner === null) return { ...saga, leaseUntil: null };
    const leaseUntil = claim === undefined
      ? this.sagas.get(saga.id)?.leaseUntil ?? null
      : now + claim.leaseMs;
    return { ...saga, leaseUntil };
  }

  #refuseTwin(saga: Saga): void {
    const twin = this.sagas.has(saga.id) ||
      [...this.#unfinished.get(saga.orderId)?.values() ?? []]
        .some((other) => other.number === saga.number);
    if (!twin) return;
    throw new StoreContradictionError(
      `Cannot write the change set: saga ${saga.id} or number ${saga.number} ` +
        `of ${saga.orderId} is already there; insert sagas under the order's version`,
    );
  }

  #putOrder(order: Order): void {
    this.orders.set(order.id, order);
    const ids = this.#customers.get(order.customerId) ?? new Set();
    ids.add(order.id);
    this.#customers.set(order.customerId, ids);
  }

  #putSaga(saga: Saga): void {
    this.sagas.set(saga.id, saga);
    const open = this.#unfinished.get(saga.orderId) ?? new Map();
    if (isUnfinished(saga)) open.set(saga.id, saga);
    else open.delete(saga.id);
    if (open.size > 0) this.#unfinished.set(saga.orderId, open);
    else this.#unfinished.delete(saga.orderId);
  }
}

function refuseImpossibleMoney(order: Order): void {
  const { amountMinor, capturedMinor, refundedMinor, heldMinor } = order;
  const possible = refundedMinor >= 0n && heldMinor >= 0n &&
    refundedMinor + heldMinor <= capturedMinor && capturedMinor <= amountMinor;
  if (possible) return;
  throw new StoreContradictionError(
    `Cannot write the change set: order ${order.id} has captured ${capturedMinor} of ` +
      `${amountMinor}, refunded ${refundedMinor} and held ${heldMinor}; decide it again`,
  );
}

/** The bytes are the only mutable part of a record. */
export function copyAnswer(answer: StoredAnswer): StoredAnswer {
  return { ...answer, payload: answer.payload.slice() };
}

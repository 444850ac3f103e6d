/**
 * Judges a world of sagas: what was acknowledged, against the durable state, the events and the providers' ledger.
 *
 * `checkChange` looks at each change set as it is written; `verdict` at the whole when all has settled. Both
 * answer in sentences; an empty list is the only good one.
 */
import { equal } from "@std/assert";
import type { EventTopic } from "../../src/orders/events.ts";
import type { Order } from "../../src/orders/order.ts";
import type { OrderId } from "../../src/orders/ids.ts";
import type { ExternalStep, Saga, SagaKind } from "../../src/orders/saga.ts";
import type { MemoryState } from "../../src/storage/memory.ts";
import type { ChangeSet } from "../../src/storage/store.ts";
import type { LedgerEntry, ProviderLedger } from "./provider_ledger.ts";

/** An accepted call, as its caller knows it. */
export interface Acknowledged {
  readonly kind: SagaKind;
  readonly orderId: OrderId;
  readonly key: string;
  /** Null: none, or all that is left. */
  readonly amountMinor: bigint | null;
}

/** What is judged. */
export interface Judged {
  readonly state: MemoryState;
  readonly providers: Pick<
    ProviderLedger,
    "ledger" | "mismatches" | "effects"
  >;
  readonly acknowledged: readonly Acknowledged[];
  /** Broken invariants, found on the spot. */
  readonly violations: readonly string[];
  /** Error lines of the log: a defect of the engine, or what a test provoked. */
  readonly errors: readonly string[];
}

/** Broken invariants of a change set that may be about to be applied. */
export function checkChange(
  state: MemoryState,
  change: ChangeSet,
  found: string[],
): void {
  const order = change.orderUpdate?.order ?? change.orderInsert;
  if (order !== undefined) found.push(...amountsOf(order));
  if (change.orderUpdate !== undefined) {
    const { order, expectedVersion } = change.orderUpdate;
    if (order.version !== expectedVersion + 1n) {
      found.push(`${order.id}: ${expectedVersion} -> ${order.version}`);
    }
    const before = state.orders.get(order.id)?.status;
    const confirms = order.status === "CONFIRMED" && before !== "CONFIRMED";
    if (confirms && order.cancelAccepted) {
      found.push(`${order.id} is confirmed after an accepted cancel`);
    }
  }
  if (change.sagaUpdate === undefined) return;
  const { saga, expectedFence } = change.sagaUpdate;
  const stored = state.sagas.get(saga.id);
  if (saga.fence < expectedFence) found.push(`${saga.id}: the fence went back`);
  if (stored === undefined || stored.fence !== expectedFence) return;
  const before = stored.attempt;
  const after = saga.attempt;
  if (before !== null && after !== null) {
    const same = before.key === after.key && before.request === after.request;
    if (!same && before.step === after.step) {
      found.push(`${saga.id}: ${before.step} changed under its key`);
    }
  }
}

/** By order: the saga that is held, and by whom. */
export type Holders = Map<string, { readonly saga: string; owner: string }>;

/** After a commit: at most one saga of the order is held. */
export function checkHolders(
  holders: Holders,
  change: ChangeSet,
  found: string[],
): void {
  if (change.sagaUpdate === undefined) return;
  const { id, orderId, owner } = change.sagaUpdate.saga;
  const held = holders.get(orderId);
  if (owner === null) {
    if (held?.saga === id) holders.delete(orderId);
    return;
  }
  if (held !== undefined && held.saga !== id && held.owner === owner) {
    found.push(`${orderId} has two running sagas`);
  }
  holders.set(orderId, { saga: id, owner });
}

function amountsOf(order: Order): string[] {
  const { capturedMinor, refundedMinor, heldMinor, amountMinor } = order;
  const sound = refundedMinor >= 0n && heldMinor >= 0n &&
    refundedMinor + heldMinor <= capturedMinor &&
    capturedMinor <= amountMinor;
  return sound ? [] : [
    `${order.id}: amount ${amountMinor}, captured ${capturedMinor}, refunded ${refundedMinor}, held ${heldMinor}`,
  ];
}

/** What is wrong with the world, now that nothing runs any more. */
export function verdict(world: Judged): string[] {
  const { state, providers } = world;
  const found = [
    ...world.violations,
    ...world.errors.map((line) => `logged: ${line}`),
    ...providers.mismatches.map((text) => `other bytes for a key: ${text}`),
    ...acknowledgedOf(world),
  ];
  for (const order of state.orders.values()) {
    const sagas = [...state.sagas.values()]
      .filter((saga) => saga.orderId === order.id)
      .sort((a, b) => a.number - b.number);
    found.push(
      ...moneyOf(world, order, sagas),
      ...inventoryOf(world, order, sagas),
      ...statesOf(order, sagas),
      ...eventsOf(world, order, sagas),
    );
    for (const saga of sagas) found.push(...effectsOf(world, order, saga));
  }
  return found;
}

function acknowledgedOf(world: Judged): string[] {
  const found: string[] = [];
  for (const { kind, orderId, key, amountMinor } of world.acknowledged) {
    const sagas = [...world.state.sagas.values()]
      .filter((saga) => saga.correlationId === key);
    const [saga] = sagas;
    const right = sagas.length === 1 && saga?.kind === kind &&
      saga.orderId === orderId &&
      (amountMinor === null || saga.amountMinor === amountMinor);
    const further = kind === "cancel" && sagas.length === 0 &&
      isCanceled(world, orderId);
    if (!right && !further) {
      found.push(`${kind} ${key} has ${sagas.length} sagas`);
    }
  }
  return found;
}

/** A cancel that comes to such an order asks for nothing more. */
function isCanceled({ state }: Judged, orderId: string): boolean {
  const sagas = [...state.sagas.values()];
  return sagas.some((saga) =>
    saga.orderId === orderId &&
    (saga.kind === "cancel" || saga.kind === "pay" && saga.state === "failed")
  );
}

function uncertain(sagas: readonly Saga[]): boolean {
  return sagas.some((saga) => saga.attempt !== null);
}

function minor(entry: LedgerEntry): bigint {
  return BigInt(JSON.parse(entry.body).amount_minor);
}

function moneyOf(
  { providers }: Judged,
  order: Order,
  sagas: readonly Saga[],
): string[] {
  const found = amountsOf(order);
  const charges = providers.effects("charge", order.id);
  const refunds = providers.effects("refund", order.id);
  if (charges.length > 1) found.push(`${order.id}: ${charges.length} charges`);
  const charged = charges.reduce((sum, entry) => sum + minor(entry), 0n);
  const refunded = refunds.reduce((sum, entry) => sum + minor(entry), 0n);
  if (refunded > charged) {
    found.push(`${order.id}: ${refunded} refunded of ${charged}`);
  }
  if (uncertain(sagas)) return found;
  if (charged !== order.capturedMinor || refunded !== order.refundedMinor) {
    found.push(
      `${order.id}: ledger ${charged} - ${refunded}, order ${order.capturedMinor} - ${order.refundedMinor}`,
    );
  }
  return found;
}

function inventoryOf(
  { providers }: Judged,
  order: Order,
  sagas: readonly Saga[],
): string[] {
  const found: string[] = [];
  const reserved = providers.effects("reserve", order.id).length;
  const released = providers.effects("release", order.id).length;
  if (reserved > 1 || released > reserved) {
    found.push(`${order.id}: ${reserved} reserved, ${released} released`);
  }
  const holds = order.reservationId !== null;
  if (!uncertain(sagas) && holds !== (reserved > released)) {
    found.push(
      `${order.id}: reservation on record: ${holds}, ledger: ${reserved} - ${released}`,
    );
  }
  return found;
}

/** Orders rest in a final state once all their sagas have ended. */
function statesOf(order: Order, sagas: readonly Saga[]): string[] {
  const found: string[] = [];
  let blocked = false;
  for (const [index, saga] of sagas.entries()) {
    if (saga.number !== index + 1) found.push(`${order.id}: saga numbers`);
    if (saga.owner !== null) found.push(`${saga.id} is still owned`);
    blocked ||= saga.state === "parked";
    if (saga.state === "open" && !blocked) found.push(`${saga.id} is open`);
    const settled = saga.state !== "open" && saga.state !== "parked";
    if (settled !== (saga.finishedAt !== null)) {
      found.push(`${saga.id}: ${saga.state}, finished at ${saga.finishedAt}`);
    }
  }
  if (sagas.length === 0 || blocked) return found;
  if (order.heldMinor !== 0n) {
    found.push(`${order.id} holds ${order.heldMinor}`);
  }
  const canceled = order.cancelAccepted ||
    sagas.some((saga) => saga.kind === "pay" && saga.state === "failed");
  const total = order.capturedMinor > 0n &&
    order.refundedMinor === order.capturedMinor;
  const expected = canceled ? "CANCELED" : total ? "REFUNDED" : "CONFIRMED";
  if (order.status !== expected) {
    found.push(`${order.id} is ${order.status}, not ${expected}`);
  }
  const returned = order.capturedMinor === order.refundedMinor;
  if (canceled && (!returned || order.reservationId !== null)) {
    found.push(`${order.id} is CANCELED and not undone`);
  }
  return found;
}

/** Every effect of a saga exactly once by key, or the provider's decline on record. */
function effectsOf(world: Judged, order: Order, saga: Saga): string[] {
  const { providers } = world;
  const found: string[] = [];
  for (const step of ["reserve", "charge", "refund", "release"] as const) {
    const entry = providers.ledger.get(`${saga.id}:${step}`);
    const completed = saga.completedSteps.filter((name) => name === step);
    if (completed.length > 1) found.push(`${saga.id}: ${step} twice on record`);
    const done = entry?.result.kind === "done";
    const open = saga.attempt?.step === step;
    const same = done === (completed.length === 1);
    if (!open && !same && !undoneUnseen(world, saga, step)) {
      found.push(`${saga.id}: ${step} on record and in the ledger differ`);
    }
  }
  const { state, kind } = saga;
  const charged = saga.completedSteps.includes("charge");
  if (kind === "pay" && state === "completed") {
    if (!charged && order.amountMinor > 0n) found.push(`${saga.id}: no charge`);
  }
  if (kind === "refund" && state === "completed") {
    const entry = providers.ledger.get(`${saga.id}:refund`);
    const amount = entry === undefined ? null : minor(entry);
    if (amount !== saga.amountMinor) found.push(`${saga.id}: paid ${amount}`);
  }
  return found;
}

/**
 * A reserve that was declined after an effect that nobody heard of, and the release of one that had none: the
 * record says neither, and has not to. That nothing stays reserved is inventoryOf's.
 */
function undoneUnseen(
  { providers }: Judged,
  { id, failure, orderId }: Saga,
  step: ExternalStep,
): boolean {
  if (step === "reserve") {
    return failure?.startsWith("reservation declined") === true;
  }
  return step === "release" && !providers.ledger.has(`${id}:release`) &&
    providers.effects("reserve", orderId).length === 0;
}

const LAST_WORDS = [
  "saga.completed",
  "saga.failed",
  "saga.canceled",
  "saga.refunded",
];

function eventsOf(
  { state }: Judged,
  order: Order,
  sagas: readonly Saga[],
): string[] {
  const found: string[] = [];
  const rows = state.events.filter((row) => row.key === order.id);
  const seqs = (topic: EventTopic) =>
    rows.filter((row) => row.topic === topic).map(({ seq }) => seq);
  const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
  if (!equal(seqs("order"), upTo(order.orderSeq))) {
    found.push(`${order.id}: order events ${seqs("order")}`);
  }
  if (!equal(seqs("saga"), upTo(order.sagaSeq))) {
    found.push(`${order.id}: saga events ${seqs("saga")}`);
  }
  const envelopes = rows.map((row) => JSON.parse(row.value));
  for (const [n, row] of rows.entries()) {
    const { id, seq, event_type } = envelopes[n];
    const same = id === row.eventId && seq === row.seq &&
      event_type === row.eventType;
    if (!same) found.push(`${row.eventId}: its envelope says ${id}, ${seq}`);
  }
  for (const saga of sagas) {
    const types = rows
      .filter((_, n) => envelopes[n].aggregate_id === saga.id)
      .map((row) => String(row.eventType));
    const ends = types.filter((type) => LAST_WORDS.includes(type)).length;
    const settled = saga.finishedAt !== null;
    if (types[0] !== "saga.started" || ends !== (settled ? 1 : 0)) {
      found.push(`${saga.id} (${saga.state}) told ${types}`);
    }
  }
  return found;
}

/** A history as the ledger's judge reads it: the same judgement that the chaos runs end with. */
import {
  CreateOrderResponse,
  PayOrderResponse,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import {
  orderMessage,
  statusToWire,
} from "../../../src/grpc/order_service_messages.ts";
import type { Order } from "../../../src/orders/order.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import type { MemoryState } from "../../../src/storage/memory.ts";
import type { OutboxRow, StoredAnswer } from "../../../src/storage/store.ts";
import { statusName } from "../../../tools/client/output.ts";
import type {
  EffectFact,
  EventFact,
  Intent,
  LedgerFacts,
  SagaFact,
} from "../ledger/facts.ts";
import type { LedgerEntry, ProviderLedger } from "../provider_ledger.ts";

/** What a client asks for. */
export type Asked = Pick<
  Intent,
  "key" | "method" | "orderId" | "amountMinor" | "reason" | "at"
>;

export const CUSTOMER = "customer";
export const CURRENCY = "EUR";

/** Bytes of an OK answer, as the service gives it. */
export function encodeAnswer(asked: Asked, order: Order): Uint8Array {
  const message = asked.method === "create"
    ? CreateOrderResponse.encode({ order: orderMessage(order) })
    // The answers to pay, cancel and refund have the same fields.
    : PayOrderResponse.encode({
      orderId: order.id,
      status: statusToWire(order.status),
    });
  return message.finish();
}

/** The order that a create has made. */
export function createdId({ payload }: StoredAnswer): string {
  return CreateOrderResponse.decode(payload).order?.id ?? "";
}

/** @param answer null: none has come */
export function intentFact(asked: Asked, answer: StoredAnswer | null): Intent {
  const create = asked.method === "create";
  return {
    ...asked,
    customerId: create ? CUSTOMER : null,
    currency: create ? CURRENCY : null,
    outcome: outcomeOf(asked, answer),
    codes: [],
    endedAt: null,
    // The client itself compares every further answer with the first.
    replays: [],
  };
}

function outcomeOf(
  asked: Asked,
  answer: StoredAnswer | null,
): Intent["outcome"] {
  if (answer === null) return { kind: "unanswered" };
  if (answer.code !== 0) return { kind: "refused", reason: answer.message };
  if (asked.orderId === null) {
    return { kind: "acknowledged", orderId: createdId(answer), status: "" };
  }
  const { orderId, status } = PayOrderResponse.decode(answer.payload);
  return { kind: "acknowledged", orderId, status: statusName(status) };
}

export function ledgerFacts(
  state: MemoryState,
  { ledger }: Pick<ProviderLedger, "ledger">,
  intents: readonly Intent[],
): LedgerFacts {
  return {
    orders: [...state.orders.values()],
    sagas: Array.from(state.sagas.values(), sagaFact),
    timeline: [...state.timelines.values()].flat(),
    answers: state.answers,
    outbox: new Map(),
    intents,
    effects: Array.from(ledger.values(), effectFact),
    // As they were committed: what becomes of them on the way is the relay's.
    events: state.events.map(eventFact),
    incidents: [],
  };
}

function sagaFact(saga: Saga): SagaFact {
  return { ...saga, attemptStep: saga.attempt?.step ?? null };
}

function effectFact(
  { key, step, orderId, body, result }: LedgerEntry,
): EffectFact {
  const { amount_minor: amount, currency } = JSON.parse(body);
  return {
    key,
    operation: step,
    orderId,
    amountMinor: amount === undefined ? null : BigInt(amount),
    currency: currency ?? null,
    result: result.kind,
    id: result.kind === "done" ? result.id : "",
    at: 0,
    request: body,
  };
}

function eventFact(row: OutboxRow): EventFact {
  return {
    topic: row.topic,
    orderId: row.key,
    seq: row.seq,
    id: row.eventId,
    type: row.eventType,
    occurredAt: row.createdAt,
    value: row.value,
  };
}

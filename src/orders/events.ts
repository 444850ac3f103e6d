/**
 * Events as they leave the service. An event's envelope is frozen, byte for byte, in the transaction that
 * caused it: every copy that a consumer ever sees, also after a crash, is the same bytes under the same id.
 *
 * The id is `<order id>:<topic>:<seq>`: unique, because `seq` counts the events of an order per topic
 * without gaps, and stable, because a change that lost a version race never took its number. A store that was
 * restored from a copy counts on from that copy, so from its second generation on the id names that, too.
 */
import type { OrderId, SagaId } from "./ids.ts";
import type { Order, OrderStatus } from "./order.ts";

export type EventTopic = "order" | "saga";

export type OrderEventType =
  | "order.created"
  | "order.confirmed"
  | "order.canceled"
  | "order.refunded";
export type SagaEventType =
  | "saga.started"
  | "saga.completed"
  | "saga.failed"
  | "saga.canceled"
  | "saga.refunded"
  | "step.reserved"
  | "step.paid";
export type EventType = OrderEventType | SagaEventType;

const EVENT_SCHEMA_VERSION = 1;

/** What an event says beyond the order's own fields. Amounts are decimal strings: they may pass 2^53. */
export type EventMetadata = Readonly<Record<string, string | number>>;

export interface EventEnvelope {
  readonly id: string;
  readonly aggregate_type: EventTopic;
  readonly aggregate_id: string;
  readonly event_type: EventType;
  readonly payload: {
    readonly order_id: OrderId;
    readonly customer_id: string;
    readonly status: OrderStatus;
    readonly timestamp: string;
    readonly metadata: EventMetadata;
  };
  readonly published_at: string;
  readonly occurred_at: string;
  readonly seq: number;
  readonly schema_version: number;
  /** From generation 2 on. */
  readonly generation?: number;
}

/** Which history a store continues: each restore from a copy begins another one. */
export interface Generation {
  /** From 1. */
  readonly number: number;
  /** Tells restores of one and the same copy apart; empty in generation 1. */
  readonly tag: string;
}

export const FIRST_GENERATION: Generation = { number: 1, tag: "" };

/** An outbox row before it has a position. */
export interface OutboxDraft {
  readonly eventId: string;
  readonly topic: EventTopic;
  /** The order id: events of one order keep their order. */
  readonly key: OrderId;
  readonly seq: number;
  readonly eventType: EventType;
  readonly traceparent: string | null;
  /** The envelope's JSON, frozen. */
  readonly value: string;
  /** Epoch ms. */
  readonly createdAt: number;
}

export interface EventContext {
  readonly order: Order;
  readonly topic: EventTopic;
  readonly seq: number;
  readonly type: EventType;
  /** The aggregate of saga events; order events are about the order. */
  readonly sagaId: SagaId | null;
  readonly metadata: EventMetadata;
  readonly traceparent: string | null;
  /** Epoch ms. */
  readonly now: number;
}

export function draftEvent(context: EventContext): OutboxDraft {
  const { order, topic, seq, type, sagaId, now } = context;
  const at = new Date(now).toISOString();
  const envelope: EventEnvelope = {
    id: `${order.id}:${topic}:${seq}`,
    aggregate_type: topic,
    aggregate_id: topic === "saga" && sagaId !== null ? sagaId : order.id,
    event_type: type,
    payload: {
      order_id: order.id,
      customer_id: order.customerId,
      status: order.status,
      timestamp: at,
      metadata: context.metadata,
    },
    published_at: at,
    occurred_at: at,
    seq,
    schema_version: EVENT_SCHEMA_VERSION,
  };
  return {
    eventId: envelope.id,
    topic,
    key: order.id,
    seq,
    eventType: type,
    traceparent: context.traceparent,
    value: JSON.stringify(envelope),
    createdAt: now,
  };
}

/**
 * The draft as a store of that generation keeps it, under `<order id>:<topic>:<seq>:g<number>-<tag>`. In the first
 * generation it stays as it is, byte for byte.
 */
export function inGeneration(
  draft: OutboxDraft,
  { number, tag }: Generation,
): OutboxDraft {
  if (number === FIRST_GENERATION.number) return draft;
  const eventId = `${draft.eventId}:g${number}-${tag}`;
  const envelope = JSON.parse(draft.value) as EventEnvelope;
  const value = JSON.stringify({
    ...envelope,
    id: eventId,
    generation: number,
  });
  return { ...draft, eventId, value };
}

/**
 * One change of one order, built up and then written as a whole.
 *
 * The base is never touched; `finish` answers the next version together with the timeline entries and the
 * frozen events that belong to it. An edit is used once and by one caller; it does no I/O and reads no clock.
 */
import {
  draftEvent,
  type EventMetadata,
  type OrderEventType,
  type OutboxDraft,
  type SagaEventType,
} from "./events.ts";
import type { SagaId } from "./ids.ts";
import type {
  Order,
  OrderStatus,
  TimelineEntry,
  TimelineType,
} from "./order.ts";
import type { SagaKind } from "./saga.ts";

export interface OrderChange {
  readonly order: Order;
  readonly timeline: readonly TimelineEntry[];
  readonly outbox: readonly OutboxDraft[];
}

export interface EditContext {
  /** Epoch ms. */
  readonly now: number;
  readonly traceparent: string | null;
  /** The saga on whose behalf the order changes. */
  readonly saga: { readonly id: SagaId; readonly kind: SagaKind } | null;
}

/** Fields that a step's result sets; the rest follows from the edit's own methods. */
export type OrderFacts = Pick<
  Order,
  | "capturedMinor"
  | "refundedMinor"
  | "heldMinor"
  | "chargeId"
  | "reservationId"
  | "payAccepted"
  | "cancelAccepted"
  | "lastSagaNumber"
>;

export class OrderEdit {
  readonly #base: Order;
  readonly #context: EditContext;
  #order: Order;
  readonly #timeline: TimelineEntry[] = [];
  readonly #outbox: OutboxDraft[] = [];

  constructor(base: Order, context: EditContext) {
    this.#base = base;
    this.#order = base;
    this.#context = context;
  }

  /** The order as changed so far. */
  get order(): Order {
    return this.#order;
  }

  /** True when something has changed. */
  get changed(): boolean {
    return this.#order !== this.#base || this.#timeline.length > 0;
  }

  facts(facts: Partial<OrderFacts>): void {
    this.#order = { ...this.#order, ...facts };
  }

  status(status: OrderStatus, reason: string = status): void {
    this.#order = { ...this.#order, status };
    this.note("OrderStatusChanged", reason);
  }

  note(type: TimelineType, reason: string): void {
    this.#timeline.push({
      orderId: this.#order.id,
      type,
      reason,
      at: this.#context.now,
    });
  }

  emitOrder(type: OrderEventType, metadata: EventMetadata = {}): void {
    const seq = this.#order.orderSeq + 1;
    this.#order = { ...this.#order, orderSeq: seq };
    this.#emit("order", seq, type, metadata);
  }

  /** @throws Error when the edit is not on behalf of a saga. */
  emitSaga(type: SagaEventType, metadata: EventMetadata = {}): void {
    const saga = this.#context.saga;
    if (saga === null) {
      throw new Error(
        `Cannot emit ${type}: the edit has no saga (pass one in its context)`,
      );
    }
    const seq = this.#order.sagaSeq + 1;
    this.#order = { ...this.#order, sagaSeq: seq };
    this.#emit("saga", seq, type, {
      saga_id: saga.id,
      saga: saga.kind,
      ...metadata,
    });
  }

  finish(): OrderChange {
    return {
      order: {
        ...this.#order,
        version: this.#base.version + 1n,
        updatedAt: this.#context.now,
      },
      timeline: this.#timeline,
      outbox: this.#outbox,
    };
  }

  #emit(
    topic: "order" | "saga",
    seq: number,
    type: OrderEventType | SagaEventType,
    metadata: EventMetadata,
  ): void {
    this.#outbox.push(draftEvent({
      order: this.#order,
      topic,
      seq,
      type,
      sagaId: this.#context.saga?.id ?? null,
      metadata,
      traceparent: this.#context.traceparent,
      now: this.#context.now,
    }));
  }
}

/**
 * What the ledger judges: the promises made to clients, the store, what the
 * providers did, what was published. Plain data; reading it is elsewhere.
 *
 * All amounts are int64 minor units, all times epoch ms.
 */
import type { OrderStatus } from "../../../src/orders/order.ts";
import type { SagaKind, SagaState } from "../../../src/orders/saga.ts";
import type { IntentMethod } from "../../../tools/load/intents.ts";
import type { Operation } from "../../../tools/providers/ledger.ts";

/** How an intent ended, as its client saw it. */
export type IntentOutcome =
  | {
    readonly kind: "acknowledged";
    readonly orderId: string;
    readonly status: string;
  }
  | { readonly kind: "refused" | "gave_up"; readonly reason: string }
  | { readonly kind: "unanswered" };

export interface Intent {
  readonly key: string;
  readonly method: IntentMethod;
  /** As asked for; null for create. */
  readonly orderId: string | null;
  readonly customerId: string | null;
  readonly currency: string | null;
  /** Create: the total. Refund: null means all that is left. */
  readonly amountMinor: bigint | null;
  readonly reason: string;
  readonly at: number;
  readonly outcome: IntentOutcome;
  /** Codes of all attempts. */
  readonly codes: readonly string[];
  readonly endedAt: number | null;
  /** Answers to the same call with the same key, after the acknowledgement. */
  readonly replays: readonly {
    readonly orderId: string;
    readonly status: string;
    readonly at: number;
  }[];
}

export interface OrderFact {
  readonly id: string;
  readonly customerId: string;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly version: bigint;
  readonly amountMinor: bigint;
  readonly capturedMinor: bigint;
  readonly refundedMinor: bigint;
  readonly heldMinor: bigint;
  readonly chargeId: string | null;
  readonly reservationId: string | null;
  readonly lastSagaNumber: number;
  readonly orderSeq: number;
  readonly sagaSeq: number;
  readonly createdAt: number;
}

export interface SagaFact {
  readonly id: string;
  readonly orderId: string;
  readonly number: number;
  readonly kind: SagaKind;
  readonly state: SagaState;
  readonly amountMinor: bigint | null;
  readonly reason: string;
  readonly completedSteps: readonly string[];
  readonly failure: string | null;
  readonly attemptStep: string | null;
  readonly stuckReason: string | null;
  readonly fence: number;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

export interface TimelineFact {
  readonly orderId: string;
  readonly type: string;
  readonly reason: string;
  readonly at: number;
}

/** One line of the providers' ledger. */
export interface EffectFact {
  readonly key: string;
  readonly operation: Operation;
  readonly orderId: string;
  readonly amountMinor: bigint | null;
  readonly currency: string | null;
  readonly result: "done" | "declined";
  /** Empty when declined. */
  readonly id: string;
  readonly at: number;
  /** The request's body, as it came. */
  readonly request: string;
}

/** One record on a topic, in the order of the topic. */
export interface EventFact {
  /** Of the event itself: a dead letter belongs to the topic that it was meant for. */
  readonly topic: "order" | "saga";
  readonly orderId: string;
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly occurredAt: number | null;
  /** The value's bytes as text; null for a dead letter, whose value is cut. */
  readonly value: string | null;
  /** Of a broker's topic; absent for a file, which has only one. */
  readonly partition?: number;
}

export interface StoreFacts {
  readonly orders: readonly OrderFact[];
  readonly sagas: readonly SagaFact[];
  readonly timeline: readonly TimelineFact[];
  /** Stored answers by idempotency key. */
  readonly answers: ReadonlyMap<string, AnswerFact>;
  /** Outbox rows that are still kept, by event id. */
  readonly outbox: ReadonlyMap<
    string,
    { readonly value: string; readonly sent: boolean }
  >;
}

export interface AnswerFact {
  /** gRPC status code. */
  readonly code: number;
  readonly payload: Uint8Array;
}

/** Something that happened to the service: a start, a kill, a stop. For the story only. */
export interface Incident {
  readonly at: number;
  readonly what: string;
}

export interface LedgerFacts extends StoreFacts {
  readonly intents: readonly Intent[];
  readonly effects: readonly EffectFact[];
  readonly events: readonly EventFact[];
  readonly incidents: readonly Incident[];
}

/**
 * What travels between the store and its writer: plain values that survive a structured clone, already in
 * the shape that statements bind, so that the clone is cheap (2-3 us a change set, measured).
 */
import type { EventTopic, Generation } from "../../orders/events.ts";
import type { SagaKind, SagaState } from "../../orders/saga.ts";
import type { Conflict, PurgeQuery } from "../store.ts";
import type { Failure } from "./errors.ts";

export type SqlValue = string | number | bigint | null | Uint8Array;
export type Row = readonly SqlValue[];

export interface SagaInsertWrite {
  readonly kind: SagaKind;
  readonly state: SagaState;
  readonly stuck: boolean;
  readonly row: Row;
}

export interface SagaUpdateWrite {
  readonly id: string;
  readonly expectedFence: number;
  readonly claim: boolean;
  readonly owner: string | null;
  readonly state: SagaState;
  readonly stuck: boolean;
  readonly row: Row;
}

export interface ChangeWrite {
  readonly kind: "change";
  readonly answer: Row | null;
  readonly orderInsert: Row | null;
  /** Binds `id, version`. */
  readonly orderCheck: Row | null;
  readonly orderUpdate: Row | null;
  readonly sagaInsert: SagaInsertWrite | null;
  readonly sagaUpdate: SagaUpdateWrite | null;
  readonly timeline: readonly Row[];
  readonly outbox: readonly Row[];
}

export interface MarkSentWrite {
  readonly kind: "mark_sent";
  readonly positions: readonly number[];
  /** Of the positions. */
  readonly deadLetters: readonly number[];
  readonly now: number;
}

export type WriteRequest =
  | ChangeWrite
  | MarkSentWrite
  | { readonly kind: "purge"; readonly query: PurgeQuery }
  | { readonly kind: "report"; readonly report: string; readonly now: number }
  | { readonly kind: "ping" };

export type WriteResult =
  | { readonly kind: "committed" }
  | { readonly kind: "conflict"; readonly which: Conflict }
  | {
    readonly kind: "purged";
    readonly answers: number;
    readonly outboxRows: number;
  }
  | { readonly kind: "failed"; readonly failure: Failure };

/** Kept beside the data by the writer, so that statistics cost no scan. */
export interface Counters {
  readonly pending: number;
  /** Of the newest event. */
  readonly position: number;
  readonly open: Readonly<Record<SagaKind, number>>;
  readonly stuck: number;
}

export interface BatchReply {
  /** One per request, in their order. */
  readonly results: readonly WriteResult[];
  readonly counters: Counters;
}

/** Which store a writer opens, and for whom. */
export interface OpenedBy {
  readonly path: string;
  /** This incarnation, as in `Saga.owner`. */
  readonly owner: string;
  /** True: the operator says that the files are a copy that shall be served from now on. */
  readonly restored: boolean;
}

/** What a writer has found, or has made of it. */
export interface Identity {
  readonly owner: string;
  readonly generation: Generation;
  /** True: this start has begun the generation. */
  readonly restored: boolean;
}

export const TOPICS: readonly EventTopic[] = ["order", "saga"];

export type ToWorker =
  | { readonly type: "open"; readonly store: OpenedBy }
  | { readonly type: "batch"; readonly requests: readonly WriteRequest[] }
  | { readonly type: "close" };

export type FromWorker =
  | {
    readonly type: "opened";
    readonly identity: Identity;
    readonly counters: Counters;
  }
  | { readonly type: "refused"; readonly message: string }
  | { readonly type: "batch"; readonly reply: BatchReply }
  | { readonly type: "closed" };

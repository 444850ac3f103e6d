/**
 * What a handler gets beside its request.
 *
 * Invariants: `signal` is aborted at most once, with a CallAbortedError, and
 * never after the handler has settled; whoever listens on it need not unlink,
 * because it lives no longer than the call.
 *
 * Does not promise: that an aborted handler's work has stopped. A call's
 * deadline reaches its reads and its place in queues, never a saga.
 *
 * @module
 */

import type { Metadata } from "@grpc/grpc-js";
import type { Deadline } from "@oms/lifecycle";
import { v7 as uuidv7 } from "uuid";

/** What kind of call a method takes, in the words of the metrics. */
export type GrpcType =
  | "unary"
  | "server_stream"
  | "client_stream"
  | "bidi_stream";

/** A method that is served. */
export interface MethodInfo {
  /** As on the wire: `/oms.v1.OrderService/GetOrder`. */
  readonly path: string;
  /** `oms.v1.OrderService`. */
  readonly service: string;
  /** `GetOrder`. */
  readonly name: string;
  readonly type: GrpcType;
}

/** One call, as its handler sees it. */
export interface CallContext {
  readonly method: MethodInfo;
  /** Taken over from `x-correlation-id`, or made. */
  readonly correlationId: string;
  /** W3C trace context as it came, if it was valid. */
  readonly traceparent: string | undefined;
  /** The request's metadata; do not change it. */
  readonly metadata: Metadata;
  /** The caller has gone, its deadline has passed, or we are forced to stop. */
  readonly signal: AbortSignal;
  /** None: the caller waits for ever. */
  readonly deadline: Deadline | undefined;
  /** Sent before the answer; not sent when the call fails. */
  setInitialMetadata(key: string, value: string): void;
  /** Sent after the answer, or with the error. */
  setTrailer(key: string, value: string): void;
}

/** Answers one unary call; throws RpcError to refuse. */
export type UnaryHandler<Req, Res> = (
  request: Req,
  context: CallContext,
) => Promise<Res>;

/** The metadata key of a mutating call's idempotency key. */
export const IDEMPOTENCY_KEY = "idempotency-key";

/** The key of the correlation id, in requests and answers. */
export const CORRELATION_ID = "x-correlation-id";

// Printable ASCII without blanks: it is written into logs and headers.
const CORRELATION_ID_FORM = /^[\x21-\x7e]{1,128}$/;

// https://www.w3.org/TR/trace-context/: version ff and all-zero ids are invalid.
const TRACEPARENT_FORM =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a caller gave as correlation id if it can be used, else a new one. */
export function readCorrelationId(given: unknown): string {
  return typeof given === "string" && CORRELATION_ID_FORM.test(given)
    ? given
    : uuidv7();
}

/** The correlation id of a call. */
export function correlationIdOf(metadata: Metadata): string {
  return readCorrelationId(metadata.get(CORRELATION_ID)[0]);
}

/** The caller's trace context if it is valid. */
export function traceparentOf(metadata: Metadata): string | undefined {
  const [given] = metadata.get("traceparent");
  return typeof given === "string" && TRACEPARENT_FORM.test(given)
    ? given
    : undefined;
}

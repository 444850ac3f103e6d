/**
 * Ids that follow a request through calls, sagas, providers and events.
 *
 * Invariants: what a client sends is used only when it is well formed, else a
 * new id is made: a bad header never fails a call. Not promised: sampling and
 * span export; the trace flags are passed on as they came.
 */
import { v7 as uuidv7 } from "uuid";

/** A W3C trace context, version 00 (https://www.w3.org/TR/trace-context/). */
export interface TraceParent {
  /** 32 lower-case hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits, not all zero. */
  readonly parentId: string;
  /** 0 to 255; bit 0 says sampled. */
  readonly flags: number;
}

// A later version may append fields; version ff is reserved as invalid.
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent` header; undefined when it is missing or not well formed. */
export function parseTraceparent(
  header: string | undefined,
): TraceParent | undefined {
  const match = TRACEPARENT.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, version = "", traceId = "", parentId = "", flags = "", more] = match;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, parentId, flags: Number.parseInt(flags, 16) };
}

/** A context as the header's value. */
export function formatTraceparent(context: TraceParent): string {
  const flags = context.flags.toString(16).padStart(2, "0");
  return `00-${context.traceId}-${context.parentId}-${flags}`;
}

/** A new context; with a parent, a new span in the parent's trace. */
export function newTraceparent(parent?: TraceParent): TraceParent {
  return {
    traceId: parent?.traceId ?? randomHex(16),
    parentId: randomHex(8),
    flags: parent?.flags ?? 0,
  };
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  // All zero means "invalid" in the format; one in 2^64 is still a bug.
  if (random.every((byte) => byte === 0)) random[0] = 1;
  return random.toHex();
}

/** A new correlation id: a UUID, version 7, so that ids sort by time. */
export function newCorrelationId(): string {
  return uuidv7();
}

/** At most 128 printable ASCII characters, no space at either end. */
const CORRELATION_ID = /^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/;

/** The client's correlation id when it is well formed, else a new one. */
export function correlationIdFrom(header: string | undefined): string {
  return header !== undefined && CORRELATION_ID.test(header)
    ? header
    : newCorrelationId();
}

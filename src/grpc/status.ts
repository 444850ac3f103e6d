/**
 * RpcError to and from the wire: google.rpc.Status in
 * `grpc-status-details-bin`, and the trailer `grpc-retry-pushback-ms`.
 *
 * Invariants: what is encoded here fits into 8 KiB of base64 (the smallest
 * header limit among common clients) and can be put into a header whatever the
 * message contains; encoding never throws.
 *
 * Does not promise: that all violations fit. If they do not, the last one says
 * how many are missing.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Any } from "./gen/google/protobuf/any.ts";
import {
  BadRequest,
  type BadRequest_FieldViolation,
  ErrorInfo,
  RetryInfo,
} from "./gen/google/rpc/error_details.ts";
import { Status } from "./gen/google/rpc/status.ts";
import { type FieldViolation, RpcError, type RpcErrorCode } from "./errors.ts";

/** google.rpc.ErrorInfo.domain of everything that we answer. */
export const ERROR_DOMAIN = "oms.v1";

/** Where google.rpc.Status travels. */
export const STATUS_DETAILS = "grpc-status-details-bin";

/** How long a retrying client waits, in ms; negative: do not retry (gRFC A6). */
const RETRY_PUSHBACK = "grpc-retry-pushback-ms";

const TYPE = "type.googleapis.com/google.rpc.";
const MAX_MESSAGE_CHARS = 512;
const MAX_VIOLATION_BYTES = 4_096;
const MAX_FIELD_CHARS = 128;

/** A status as grpc-js takes it. */
export interface WireStatus {
  code: RpcErrorCode;
  details: string;
  metadata: Metadata;
}

// grpc-js runs the message through encodeURI, which throws on a lone surrogate.
function cut(text: string, max: number): string {
  return (text.length > max ? `${text.slice(0, max - 1)}…` : text)
    .toWellFormed();
}

function* fitting(
  violations: readonly FieldViolation[],
): Generator<BadRequest_FieldViolation> {
  let room = MAX_VIOLATION_BYTES;
  for (const [index, violation] of violations.entries()) {
    const message: BadRequest_FieldViolation = {
      field: cut(violation.field, MAX_FIELD_CHARS),
      description: cut(violation.description, MAX_MESSAGE_CHARS),
      reason: cut(violation.reason ?? "", MAX_FIELD_CHARS),
      localizedMessage: undefined,
    };
    room -= BadRequest.encode({ fieldViolations: [message] }).finish().length;
    if (room < 0) {
      yield {
        field: "",
        description: `and ${violations.length - index} more`,
        reason: "VIOLATIONS_OMITTED",
        localizedMessage: undefined,
      };
      return;
    }
    yield message;
  }
}

function details(error: RpcError): Any[] {
  const any: Any[] = [{
    typeUrl: `${TYPE}ErrorInfo`,
    value: Buffer.from(
      ErrorInfo.encode({
        reason: error.reason,
        domain: ERROR_DOMAIN,
        metadata: Object.fromEntries(
          Object.entries(error.metadata).map((
            [key, value],
          ) => [key, cut(value, MAX_FIELD_CHARS)]),
        ),
      }).finish(),
    ),
  }];
  if (error.violations.length > 0) {
    any.push({
      typeUrl: `${TYPE}BadRequest`,
      value: Buffer.from(
        BadRequest.encode({
          fieldViolations: [...fitting(error.violations)],
        }).finish(),
      ),
    });
  }
  if (typeof error.retryAfterMs === "number") {
    any.push({
      typeUrl: `${TYPE}RetryInfo`,
      value: Buffer.from(
        RetryInfo.encode({ retryDelay: durationOf(error.retryAfterMs) })
          .finish(),
      ),
    });
  }
  return any;
}

function durationOf(ms: number): { seconds: bigint; nanos: number } {
  const whole = Math.max(0, Math.round(ms));
  return {
    seconds: BigInt(Math.floor(whole / 1_000)),
    nanos: (whole % 1_000) * 1_000_000,
  };
}

/** What goes out for an RpcError. */
export function toStatus(error: RpcError): WireStatus {
  const message = cut(error.message, MAX_MESSAGE_CHARS);
  const metadata = new Metadata();
  metadata.set(
    STATUS_DETAILS,
    Buffer.from(
      Status.encode({
        code: error.code,
        message,
        details: details(error),
      }).finish(),
    ),
  );
  if (error.retryAfterMs !== undefined) {
    metadata.set(
      RETRY_PUSHBACK,
      error.retryAfterMs === "never"
        ? "-1"
        : String(Math.max(0, Math.round(error.retryAfterMs))),
    );
  }
  return { code: error.code, details: message, metadata };
}

/** The same as an Error, for grpc-js callbacks. */
export function toServiceError(error: RpcError): ServiceError {
  return Object.assign(new Error(error.message), toStatus(error));
}

/**
 * What came in, as an RpcError. A peer that sends no google.rpc.ErrorInfo gives
 * the code's name as reason; undecodable details are ignored.
 */
export function fromServiceError(
  error: Pick<ServiceError, "code" | "details" | "metadata">,
): RpcError {
  const code: RpcErrorCode = error.code === status.OK
    ? status.UNKNOWN
    : error.code;
  let reason = status[code] ?? "UNKNOWN";
  let info: Record<string, string> = {};
  let violations: FieldViolation[] = [];
  let retryAfterMs: number | "never" | undefined;
  for (const any of receivedDetails(error.metadata)) {
    if (any.typeUrl === `${TYPE}ErrorInfo`) {
      ({ reason, metadata: info } = ErrorInfo.decode(any.value));
    } else if (any.typeUrl === `${TYPE}BadRequest`) {
      violations = BadRequest.decode(any.value).fieldViolations;
    } else if (any.typeUrl === `${TYPE}RetryInfo`) {
      const delay = RetryInfo.decode(any.value).retryDelay;
      if (delay !== undefined) {
        retryAfterMs = Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
      }
    }
  }
  const [pushback] = error.metadata?.get(RETRY_PUSHBACK) ?? [];
  if (pushback !== undefined && Number(pushback) < 0) retryAfterMs = "never";
  return new RpcError({
    code,
    reason,
    message: error.details,
    violations,
    retryAfterMs,
    metadata: info,
    cause: error,
  });
}

function receivedDetails(metadata: Metadata | undefined): Any[] {
  const [bytes] = metadata?.get(STATUS_DETAILS) ?? [];
  if (!(bytes instanceof Uint8Array)) return [];
  try {
    return Status.decode(bytes).details;
  } catch {
    return [];
  }
}

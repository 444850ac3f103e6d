/**
 * What a call can end with, other than an answer.
 *
 * Invariants: an RpcError is safe to show to a caller: its message, reason and
 * metadata are written for them. Anything else that a handler throws is not,
 * and becomes INTERNAL without details.
 *
 * @module
 */

import { status } from "@grpc/grpc-js";

/** A gRPC status code other than OK. */
export type RpcErrorCode = Exclude<status, status.OK>;

/** One thing that is wrong with a request. */
export interface FieldViolation {
  /** Path of the field, as `items[0].qty`; metadata keys as they are. */
  readonly field: string;
  /** What is wrong, for a person. */
  readonly description: string;
  /** The same for a program, UPPER_SNAKE_CASE. */
  readonly reason?: string;
}

/** What makes an {@link RpcError}. */
export interface RpcErrorInit {
  readonly code: RpcErrorCode;
  /** google.rpc.ErrorInfo.reason, UPPER_SNAKE_CASE. */
  readonly reason: string;
  /** For the caller. Name no internals. */
  readonly message: string;
  /** google.rpc.BadRequest: all of them, not only the first. */
  readonly violations?: readonly FieldViolation[];
  /**
   * google.rpc.RetryInfo and the trailer `grpc-retry-pushback-ms`, in ms;
   * `"never"` tells retrying clients not to. UNAVAILABLE and
   * RESOURCE_EXHAUSTED have a default (250 ms and 1,000 ms).
   */
  readonly retryAfterMs?: number | "never";
  /** google.rpc.ErrorInfo.metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Logged, never sent. */
  readonly cause?: unknown;
}

// Another replica is there at once, or a restart takes a moment; a backlog
// needs longer to drain.
const DEFAULT_RETRY_MS: Partial<Record<status, number>> = {
  [status.UNAVAILABLE]: 250,
  [status.RESOURCE_EXHAUSTED]: 1_000,
};

/** A refusal or failure that the caller is told about. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: RpcErrorCode;
  readonly reason: string;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | "never" | undefined;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(init: RpcErrorInit) {
    super(init.message, { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.violations = init.violations ?? [];
    this.retryAfterMs = init.retryAfterMs ?? DEFAULT_RETRY_MS[init.code];
    this.metadata = init.metadata ?? {};
  }
}

/** Why a call's signal was aborted. */
export type CallAbortCause = "client_gone" | "deadline" | "forced";

/**
 * The abort reason of `CallContext.signal`. Named AbortError because libraries
 * reject with what they find there and recognise that name only.
 */
export class CallAbortedError extends Error {
  override readonly name = "AbortError";

  constructor(readonly why: CallAbortCause) {
    super(`the call has ended (${why})`);
  }
}

/** The listener could not be opened; the message names the address and what to change. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  constructor(address: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `Cannot listen on ${address}: ${why}. Choose another OMS_GRPC_ADDR, or stop what holds the port`,
      { cause },
    );
  }
}

/** grpc-js is not the version that this code was written against. */
export class GrpcInternalsError extends Error {
  override readonly name = "GrpcInternalsError";

  constructor(what: string) {
    super(
      `@grpc/grpc-js has changed inside: ${what} is not where version 1.14.7 has it. ` +
        "Pin that version, or adapt src/grpc/guard.ts",
    );
  }
}

/** The runtime's node:net is not what this code was written against. */
export class RuntimeInternalsError extends Error {
  override readonly name = "RuntimeInternalsError";

  constructor(what: string) {
    super(
      `Deno has changed inside: ${what} is not where 2.8.3 has it. ` +
        "Use that version, or adapt src/grpc/listener.ts",
    );
  }
}

/** A service was given without one of its handlers. */
export class MissingHandlerError extends Error {
  override readonly name = "MissingHandlerError";

  constructor(path: string) {
    super(
      `Cannot serve ${path}: it has no handler. Add one to the handler map`,
    );
  }
}

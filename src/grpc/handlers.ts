/**
 * Our handlers as grpc-js takes them.
 *
 * Invariants: whatever a handler does (throws at once, rejects, answers after
 * the deadline, never settles), the call gets exactly one status and nothing is
 * unhandled; what is not an RpcError is INTERNAL without details, and is logged
 * with the correlation id. A request that cannot be decoded never reaches a
 * handler.
 *
 * Does not promise: an end of a handler that ignores its signal. It stays in
 * the registry until it settles.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { Deadline, type LogFn, systemClock } from "@oms/lifecycle";
import type { ActiveCall, CallRegistry } from "./calls.ts";
import {
  type CallContext,
  CORRELATION_ID,
  type GrpcType,
  type MethodInfo,
  traceparentOf,
  type UnaryHandler,
} from "./context.ts";
import { RpcError } from "./errors.ts";
import type { GrpcObserver } from "./observer.ts";
import { expired, tooManyCalls } from "./refusals.ts";
import { toServiceError } from "./status.ts";

/** A request as it came out of the decoder. */
export type Decoded<T> = { ok: true; value: T } | { ok: false };

/** A request as it came, to be decoded by who needs it. */
export type Received<T> = () => Decoded<T>;

/** Turns a domain error into the one for the caller; undefined: not known. */
export type ErrorMapper = (error: unknown) => RpcError | undefined;

/** What handlers need around them. */
export interface HandlerEnvironment {
  readonly calls: CallRegistry;
  readonly observer: GrpcObserver;
  readonly log: LogFn;
  readonly errorToRpc: ErrorMapper;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const strictUtf8 = (bytes: Uint8Array) => utf8.decode(bytes);

/**
 * A decoder that reports instead of throwing, and that refuses invalid UTF-8,
 * which the generated code would turn into U+FFFD. It works when it is asked:
 * a call that is refused costs no parsing.
 */
export function safely<T>(
  decode: (bytes: Buffer) => T,
): (bytes: Buffer) => Received<T> {
  return (bytes) => () => {
    try {
      // Generated decoders take a reader as well, but do not say so here.
      const reader = new BinaryReader(bytes, strictUtf8) as unknown as Buffer;
      return { ok: true, value: decode(reader) };
    } catch {
      return { ok: false };
    }
  };
}

/** The answer to a request that cannot be decoded. */
export function malformedRequest(): RpcError {
  return new RpcError({
    code: status.INVALID_ARGUMENT,
    reason: "MALFORMED_REQUEST",
    message:
      "the request is not a valid protobuf message of this method (strings must be UTF-8)",
  });
}

/** The answer where something of ours broke. */
function internalError(cause: unknown): RpcError {
  return new RpcError({
    code: status.INTERNAL,
    reason: "INTERNAL",
    message: "internal error",
    cause,
  });
}

/** What a method definition says about its calls. */
export function methodInfo(
  definition: Pick<
    MethodDefinition<unknown, unknown>,
    "path" | "requestStream" | "responseStream"
  >,
): MethodInfo {
  const [, service = "", name = ""] = definition.path.split("/");
  const from = definition.requestStream ? "client" : "";
  const to = definition.responseStream ? "server" : "";
  const types: Readonly<Record<string, GrpcType>> = {
    "": "unary",
    client: "client_stream",
    server: "server_stream",
    clientserver: "bidi_stream",
  };
  return {
    path: definition.path,
    service,
    name,
    type: types[from + to] ?? "unary",
  };
}

class Context implements CallContext {
  readonly initial = new Metadata();
  trailer: Metadata | undefined;
  readonly traceparent: string | undefined;
  readonly deadline: Deadline | undefined;

  constructor(readonly call: ActiveCall, readonly metadata: Metadata) {
    this.initial.set(CORRELATION_ID, call.correlationId);
    this.traceparent = traceparentOf(metadata);
    this.deadline = call.timeoutMs === undefined ? undefined : Deadline.from(
      systemClock,
      call.timeoutMs - (performance.now() - call.startedAt),
    );
  }

  get method(): MethodInfo {
    return this.call.method;
  }

  get correlationId(): string {
    return this.call.correlationId;
  }

  get signal(): AbortSignal {
    return this.call.signal;
  }

  setInitialMetadata(key: string, value: string): void {
    this.initial.set(key, value);
  }

  setTrailer(key: string, value: string): void {
    this.trailer ??= new Metadata();
    this.trailer.set(key, value);
  }
}

type Outcome<Res> = { ok: true; response: Res } | { ok: false; error: unknown };

async function settle<Req, Res>(
  handler: UnaryHandler<Req, Res>,
  request: Req,
  context: CallContext,
): Promise<Outcome<Res>> {
  try {
    return { ok: true, response: await handler(request, context) };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Error of a handler -> error for the caller; logs what is not for them. */
function rpcErrorOf(
  env: HandlerEnvironment,
  call: ActiveCall,
  error: unknown,
): RpcError {
  if (error instanceof RpcError) return error;
  let mapped: RpcError | undefined;
  try {
    mapped = env.errorToRpc(error);
  } catch (broken) {
    env.log("error", "error mapper threw", { error: String(broken) });
  }
  if (mapped !== undefined) return mapped;
  // Its own abort is what the handler rejects with when nobody waits for it.
  if (!(call.signal.aborted && error === call.signal.reason)) {
    env.log("error", "rpc handler failed", {
      method: call.method.path.slice(1),
      correlation_id: call.correlationId,
      error: error instanceof Error
        ? error.stack ?? error.message
        : String(error),
    });
  }
  return internalError(error);
}

/** Wraps a unary handler. */
export function unary<Req, Res>(
  env: HandlerEnvironment,
  method: MethodInfo,
  handler: UnaryHandler<Req, Res>,
): handleUnaryCall<Received<Req>, Res> {
  return (serverCall: ServerUnaryCall<Received<Req>, Res>, callback) => {
    const call = env.calls.of(serverCall.metadata);
    if (call === undefined) {
      callback(
        toServiceError(internalError("a call without its registration")),
      );
      return;
    }
    const refuse = (error: RpcError, trailer?: Metadata) => {
      if (!call.beginAnswer()) return;
      const failure = toServiceError(error);
      if (trailer !== undefined) failure.metadata.merge(trailer);
      callback(failure);
    };
    env.observer.msgReceived(method);
    if (call.expired || !env.calls.room.mayRun(method)) {
      env.observer.refused(call.expired ? "expired" : "too_many");
      return refuse(call.expired ? expired : tooManyCalls);
    }
    const decoded = serverCall.request();
    if (!decoded.ok) return refuse(malformedRequest());
    const context = new Context(call, serverCall.metadata);
    call.handlerStarted();
    settle(handler, decoded.value, context).then((outcome) => {
      if (!outcome.ok) {
        refuse(rpcErrorOf(env, call, outcome.error), context.trailer);
      } else if (call.beginAnswer()) {
        env.observer.msgSent(method);
        serverCall.sendMetadata(context.initial);
        callback(null, outcome.response, context.trailer);
      }
      call.handlerSettled();
    });
  };
}

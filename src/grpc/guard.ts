/**
 * Stands between the HTTP/2 server and grpc-js: what would make grpc-js throw
 * outside any handler, or answer without error details, is answered here.
 *
 * Invariants: grpc-js sees only live streams, with a gRPC content type, a known
 * path and a `grpc-timeout` that it reads correctly. Nothing here throws.
 *
 * Does not promise: a valid request; only one that is safe to hand on.
 *
 * Why it reaches into grpc-js: no public hook lies before its own reading of
 * the headers. What it relies on is checked at start (GrpcInternalsError).
 *
 * @module
 */

import type {
  Http2Server,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { type Server, status } from "@grpc/grpc-js";
import {
  CORRELATION_ID,
  IDEMPOTENCY_KEY,
  readCorrelationId,
} from "./context.ts";
import { GrpcInternalsError, RpcError } from "./errors.ts";
import { toStatus } from "./status.ts";

/** A stream's headers, sorted out. */
export type Inspection =
  | { kind: "call"; path: string; timeoutMs: number | undefined }
  | { kind: "not_grpc" }
  | { kind: "refused"; error: RpcError };

/** A stream that passed: hand it over to grpc-js, or refuse it. */
export interface Admission {
  readonly path: string;
  readonly timeoutMs: number | undefined;
  readonly stream: ServerHttp2Stream;
  handOver(): void;
  refuse(error: RpcError): void;
}

/** Decides about a stream that passed. */
export type Admit = (admission: Admission) => void;

const TIMEOUT_FORM = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

// grpc-js computes `| 0` and gives the result to setTimeout: 2^31 ms or more
// would end the call at once instead of after 25 days or more.
const LONGEST_MS = 2_147_483_000;
const LONGEST_HEADER = "2147483S";

/**
 * What grpc-js is told of the encoding where the caller names none: it then
 * refuses a message that is flagged as compressed, which it would otherwise
 * parse as it came.
 */
export const NO_ENCODING = "not-declared";

/** Milliseconds of a `grpc-timeout` value; undefined: not a valid one. */
export function parseGrpcTimeout(value: string): number | undefined {
  const [, digits, unit] = TIMEOUT_FORM.exec(value) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  return Number(digits) * (UNIT_MS[unit] ?? 1);
}

/** Sorts a stream's headers out, without looking at its state. */
export function inspect(
  headers: IncomingHttpHeaders,
  isKnown: (path: string) => boolean,
): Inspection {
  const type = headers["content-type"];
  if (typeof type !== "string" || !/^application\/grpc($|[+;])/.test(type)) {
    return { kind: "not_grpc" };
  }
  const path = headers[":path"] ?? "";
  if (headers[":method"] !== "POST" || !isKnown(path)) {
    return {
      kind: "refused",
      error: new RpcError({
        code: status.UNIMPLEMENTED,
        reason: "UNKNOWN_METHOD",
        message: "no such method is served here",
      }),
    };
  }
  const given = headers["grpc-timeout"];
  const timeoutMs = given === undefined
    ? undefined
    : parseGrpcTimeout(String(given));
  if (given !== undefined && timeoutMs === undefined) {
    return {
      kind: "refused",
      error: new RpcError({
        // The code that grpc-go and grpc-js answer here.
        code: status.INTERNAL,
        reason: "GRPC_TIMEOUT_INVALID",
        message: "grpc-timeout must be 1-8 digits and one of H, M, S, m, u, n",
      }),
    };
  }
  return { kind: "call", path, timeoutMs };
}

/**
 * The keys as they were sent. Deno joins repeated headers before anybody sees them; a key that was sent twice must not
 * pass for one. And grpc-js drops a value that is not printable ASCII, with all that follow it: the caller would be
 * told that the key is missing, so it becomes the empty one, which is refused for what it is. Raw headers come as
 * name, value, name, value.
 */
function keepKeys(headers: IncomingHttpHeaders, rawHeaders: unknown): void {
  const joined = headers[IDEMPOTENCY_KEY];
  if (typeof joined !== "string") return;
  const sent = joined.includes(",") && Array.isArray(rawHeaders)
    ? rawHeaders.filter((_, index) =>
      index % 2 === 1 && rawHeaders[index - 1] === IDEMPOTENCY_KEY
    )
    : [];
  const keys = (sent.length > 1 ? sent : [joined])
    .map((key) => /^[\x20-\x7e]*$/.test(key) ? key : "");
  headers[IDEMPOTENCY_KEY] = keys.length > 1 ? keys : keys[0];
}

function sanitise(
  headers: IncomingHttpHeaders,
  rawHeaders: unknown,
  timeoutMs?: number,
): void {
  keepKeys(headers, rawHeaders);
  if (timeoutMs !== undefined && timeoutMs > LONGEST_MS) {
    headers["grpc-timeout"] = LONGEST_HEADER;
  }
  const encoding = headers["grpc-encoding"];
  if (encoding === undefined || encoding === "identity") {
    headers["grpc-encoding"] = NO_ENCODING;
  }
}

function respond(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders) {
  try {
    stream.respond(headers, { endStream: true });
    // Unread data would hold the connection's flow-control window.
    stream.resume();
  } catch {
    // The stream ended between the check and here: there is nobody to tell.
  }
}

const HEADERS_OF = new WeakMap<RpcError, OutgoingHttpHeaders>();

/**
 * The answer headers of a call that ends before grpc-js has seen it, made once
 * for each error: refusing must cost less than what is refused.
 */
function refusalHeaders(error: RpcError): OutgoingHttpHeaders {
  let headers = HEADERS_OF.get(error);
  if (headers === undefined) {
    const { code, details, metadata } = toStatus(error);
    headers = {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-status": String(code),
      "grpc-message": encodeURI(details),
      ...metadata.toHttp2Headers(),
    };
    HEADERS_OF.set(error, headers);
  }
  return headers;
}

/** Answers a stream that grpc-js has not seen. */
function refuse(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  error: RpcError,
): void {
  if (stream.destroyed || stream.closed) return;
  respond(stream, {
    ...refusalHeaders(error),
    [CORRELATION_ID]: readCorrelationId(headers[CORRELATION_ID]),
  });
}

/**
 * The HTTP/2 server behind the one connection injector of `server`.
 *
 * @throws GrpcInternalsError when grpc-js does not keep it where it was.
 */
export function http2ServerOf(server: Server): Http2Server {
  const held: unknown = Reflect.get(server, "http2Servers");
  if (!(held instanceof Map) || held.size !== 1) {
    throw new GrpcInternalsError("Server.http2Servers");
  }
  const [http2Server] = held.keys();
  return http2Server;
}

/**
 * Puts the guard before grpc-js's own stream handler.
 *
 * @throws GrpcInternalsError when that handler is not the only one.
 */
export function installGuard(
  http2Server: Http2Server,
  isKnown: (path: string) => boolean,
  admit: Admit,
): void {
  const [grpcHandler, ...others] = http2Server.listeners("stream");
  if (grpcHandler === undefined || others.length > 0) {
    throw new GrpcInternalsError("the stream listener of its HTTP/2 server");
  }
  http2Server.removeAllListeners("stream");
  http2Server.on(
    "stream",
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest) => {
      stream.on("error", () => {
        // The close event follows and ends the call; nobody is left to tell.
      });
      // A second HEADERS frame on an ended stream arrives as a new, dead stream.
      if (stream.destroyed || stream.closed) return;
      const found = inspect(headers, isKnown);
      if (found.kind === "not_grpc") {
        respond(stream, { ":status": 415 });
      } else if (found.kind === "refused") {
        refuse(stream, headers, found.error);
      } else {
        sanitise(headers, rest[1], found.timeoutMs);
        admit({
          path: found.path,
          timeoutMs: found.timeoutMs,
          stream,
          handOver: () =>
            grpcHandler.call(http2Server, stream, headers, ...rest),
          refuse: (error) => refuse(stream, headers, error),
        });
      }
    },
  );
}

/**
 * Statuses that grpc-js makes by itself, in our words.
 *
 * Invariants: what a handler of ours answered passes unchanged; of everything
 * else only the code is kept, so that no text of a library reaches a caller.
 *
 * @module
 */

import {
  Metadata,
  type ServerInterceptingCallInterface,
  status,
} from "@grpc/grpc-js";
import { RpcError, type RpcErrorCode } from "./errors.ts";
import { NO_ENCODING } from "./guard.ts";
import { STATUS_DETAILS, toStatus, type WireStatus } from "./status.ts";

type GivenStatus = Parameters<
  ServerInterceptingCallInterface["sendStatus"]
>[0];

type Words = Omit<
  ConstructorParameters<typeof RpcError>[0],
  "code" | "cause"
>;

const BY_CODE: Partial<Record<status, Words>> = {
  [status.DEADLINE_EXCEEDED]: {
    reason: "DEADLINE_EXCEEDED",
    message: "the call's deadline has passed",
  },
  [status.RESOURCE_EXHAUSTED]: {
    reason: "MESSAGE_TOO_LARGE",
    message: "the message is larger than this server takes",
    // The same message will not become smaller.
    retryAfterMs: "never",
  },
  [status.UNIMPLEMENTED]: {
    reason: "UNIMPLEMENTED",
    message:
      "the method, the number of messages or the encoding is not supported",
  },
  [status.CANCELLED]: {
    reason: "CANCELLED",
    message: "the call was cancelled",
  },
};

const INTERNAL: Words = {
  reason: "INTERNAL",
  message: "internal error",
};

/** Adds error details where grpc-js has put none. */
export function own(given: GivenStatus): WireStatus {
  const metadata = given.metadata ?? new Metadata();
  const code = errorCode(given.code);
  if (metadata.get(STATUS_DETAILS).length > 0) {
    return { code, details: given.details ?? "", metadata };
  }
  if (given.details?.includes(NO_ENCODING)) {
    return toStatus(
      new RpcError({
        // https://github.com/grpc/grpc/blob/master/doc/compression.md
        code: status.INTERNAL,
        reason: "COMPRESSION_NOT_DECLARED",
        message:
          "a message is flagged as compressed but grpc-encoding names no encoding",
      }),
    );
  }
  return toStatus(new RpcError({ code, ...BY_CODE[code] ?? INTERNAL }));
}

function errorCode(code: status): RpcErrorCode {
  // grpc-js answers UNKNOWN where it had to catch something.
  return code === status.OK || code === status.UNKNOWN ? status.INTERNAL : code;
}

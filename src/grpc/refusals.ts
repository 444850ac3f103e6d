/**
 * What the edge itself ends calls with.
 *
 * Invariant: a call that is refused with one of the first three has not begun: nothing of it was looked at but its
 * headers and its size, and nothing was written. One that is too old may have.
 * Each is made once: an error costs its stack, and a refusal must be cheap.
 *
 * @module
 */

import { status } from "@grpc/grpc-js";
import { RpcError } from "./errors.ts";

export const stopping = new RpcError({
  code: status.UNAVAILABLE,
  reason: "SERVER_STOPPING",
  message: "this server is stopping; try again",
});

export const tooManyCalls = new RpcError({
  code: status.RESOURCE_EXHAUSTED,
  reason: "TOO_MANY_CALLS",
  message: "this server has as many calls open as it takes; try again",
});

export const expired = new RpcError({
  code: status.DEADLINE_EXCEEDED,
  reason: "DEADLINE_EXCEEDED",
  message: "the deadline passed before the call was begun",
});

export const agedOut = new RpcError({
  code: status.UNAVAILABLE,
  reason: "CONNECTION_TOO_OLD",
  message: "the connection has reached its greatest age; connect anew",
});

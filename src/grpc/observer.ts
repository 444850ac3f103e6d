/**
 * What the edge tells the metrics.
 *
 * Invariants: `started` and `handled` come once each for every call of a known
 * method, in this order, also when the caller has gone (CANCELLED) or we were
 * forced. Unknown methods are not reported: their names are the caller's.
 *
 * @module
 */

import type { status } from "@grpc/grpc-js";
import type { MethodInfo } from "./context.ts";

/** Why the edge turns a call away before anything is done for it: too many run, or its deadline has passed. */
export type RefusalCause = "too_many" | "expired";

/** Told of every call. Must not throw and must not block. */
export interface GrpcObserver {
  started(method: MethodInfo): void;
  msgReceived(method: MethodInfo): void;
  msgSent(method: MethodInfo): void;
  /** `seconds` from the call's headers to its status. */
  handled(
    method: MethodInfo,
    code: status,
    seconds: number,
    correlationId: string,
  ): void;
  /** `too_many` comes alone where the call was refused by its headers, without `started` and `handled`. */
  refused(cause: RefusalCause): void;
}

/** Observes nothing. */
export const noObserver: GrpcObserver = {
  started() {},
  msgReceived() {},
  msgSent() {},
  handled() {},
  refused() {},
};

/**
 * Clients of one service process, which may end before them.
 *
 * Invariants: a client never retries, waits for no connection, shares none, and
 * connects for a call only; once `backoffsEnd` resolves, those closed before have no timer left.
 */
import { createOrderClient, type OrderClient } from "../../src/grpc/client.ts";

/** Between two tries to reach a service that has gone, in ms. */
const RECONNECT_MS = 10;
const PICK_FIRST = JSON.stringify({
  loadBalancingConfig: [{ pick_first: {} }],
  methodConfig: [],
});

/** @param deadlineMs of calls that name none; default: the client's own */
export function loneClient(address: string, deadlineMs?: number): OrderClient {
  return createOrderClient(address, {
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    waitForReady: false,
    channel: {
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
      "grpc.service_config": PICK_FIRST,
      "grpc.initial_reconnect_backoff_ms": RECONNECT_MS,
      "grpc.max_reconnect_backoff_ms": RECONNECT_MS,
    },
  });
}

/**
 * A closed grpc-js client keeps the timer of its back-off, whose end may begin one more try with a back-off of its own,
 * and nothing tells when that is over. Timers end in the order of their ends, so two waits in turn, each longer than a
 * back-off with its jitter, are behind both, however late they come.
 */
export async function backoffsEnd(): Promise<void> {
  for (let backoff = 0; backoff < 2; backoff++) {
    await new Promise((resolve) => setTimeout(resolve, 2 * RECONNECT_MS));
  }
}

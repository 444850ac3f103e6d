/** Waits for an order's status by asking for it. */
import { systemClock } from "@oms/lifecycle";
import type { OrderClient } from "../../src/grpc/client.ts";
import {
  type GetOrderResponse,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { statusName } from "./output.ts";

const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 500;

/** The order did not get the status, and why it never will. */
class StatusNotReachedError extends Error {
  override readonly name = "StatusNotReachedError";
}

/**
 * Resolves with the first answer that shows the status.
 *
 * @param withinMs for all of it, in ms
 * @throws StatusNotReachedError when the time is over, or the order has ended
 * in another status
 * @throws RpcError when asking failed
 */
export async function waitForStatus(
  client: Pick<OrderClient, "getOrder">,
  orderId: string,
  wanted: OrderStatus,
  withinMs: number,
  signal?: AbortSignal,
): Promise<GetOrderResponse> {
  const end = performance.now() + withinMs;
  for (
    let pause = FIRST_POLL_MS;;
    pause = Math.min(pause * 2, LONGEST_POLL_MS)
  ) {
    const deadlineMs = Math.max(1, end - performance.now());
    const answer = await client.getOrder({ orderId }, { deadlineMs, signal });
    const status = answer.order?.status ?? OrderStatus.UNRECOGNIZED;
    if (status === wanted) return answer;
    const ended = status === OrderStatus.ORDER_STATUS_CANCELED ||
      status === OrderStatus.ORDER_STATUS_REFUNDED;
    const left = end - performance.now();
    if (ended || left <= 0) {
      const why = ended ? "it has ended" : `${withinMs} ms are over`;
      throw new StatusNotReachedError(
        `The order is ${statusName(status)}, not ${statusName(wanted)}: ${why}`,
      );
    }
    await systemClock.sleep(Math.min(pause, left), signal);
  }
}

/** Waits for an order's status by asking for it. */
import { status as codes } from "@grpc/grpc-js";
import { systemClock } from "@oms/lifecycle";
import { formatDuration } from "../../src/config/duration.ts";
import type { OrderClient } from "../../src/grpc/client.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import {
  type GetOrderResponse,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { statusName } from "./output.ts";
import { StatusNotReachedError } from "./status_not_reached.ts";

const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 500;

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
  const awaited = statusName(wanted);
  let last: string | null = null;
  const over = () =>
    new StatusNotReachedError(
      awaited,
      last,
      `${formatDuration(withinMs)} ${
        last === null ? "passed without an answer" : "are over"
      } (--timeout)`,
    );
  for (
    let pause = FIRST_POLL_MS;;
    pause = Math.min(pause * 2, LONGEST_POLL_MS)
  ) {
    const deadlineMs = end - performance.now();
    // The last answer says more than a question that has no time left.
    if (deadlineMs <= 0) throw over();
    let answer: GetOrderResponse;
    try {
      answer = await client.getOrder({ orderId }, { deadlineMs, signal });
    } catch (error) {
      throw isDeadline(error) ? over() : error;
    }
    const status = answer.order?.status ?? OrderStatus.UNRECOGNIZED;
    if (status === wanted) return answer;
    last = statusName(status);
    if (
      status === OrderStatus.ORDER_STATUS_CANCELED ||
      status === OrderStatus.ORDER_STATUS_REFUNDED
    ) throw new StatusNotReachedError(awaited, last, "it has ended");
    const left = end - performance.now();
    await systemClock.sleep(Math.min(pause, Math.max(0, left)), signal);
  }
}

function isDeadline(error: unknown): boolean {
  return error instanceof RpcError && error.code === codes.DEADLINE_EXCEEDED;
}

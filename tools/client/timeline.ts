/** An order with its whole timeline, page by page when it does not fit into one answer. */
import type { CallOptions, OrderClient } from "../../src/grpc/client.ts";
import type { GetOrderResponse } from "../../src/grpc/gen/oms/v1/order_service.ts";

/**
 * @param first the answer that the rest belongs to
 * @throws as `getOrder`
 */
export async function withWholeTimeline(
  client: Pick<OrderClient, "getOrder">,
  orderId: string,
  first: GetOrderResponse,
  options: CallOptions,
): Promise<Pick<GetOrderResponse, "order" | "timeline">> {
  const timeline = [...first.timeline];
  let timelinePageToken = first.nextTimelinePageToken;
  while (timelinePageToken !== "") {
    const request = { orderId, timelinePageToken };
    const next = await client.getOrder(request, options);
    for (const event of next.timeline) timeline.push(event);
    timelinePageToken = next.nextTimelinePageToken;
  }
  return { order: first.order, timeline };
}

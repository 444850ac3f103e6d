/** What names a saga in a log line and in the stop's report: also the call that it comes from. */
import type { Saga } from "../orders/saga.ts";

export type NamedSaga = Pick<Saga, "id" | "orderId" | "correlationId">;

export function logFields({ id, orderId, correlationId }: NamedSaga) {
  return { order_id: orderId, saga_id: id, correlation_id: correlationId };
}

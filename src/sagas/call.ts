/** From a durable attempt to the provider's port: the same key and the same bytes each time. */
import type { Saga, StepAttempt } from "../orders/saga.ts";
import type { ProviderResult, Providers } from "../providers/provider.ts";

export function callProvider(
  { payment, inventory }: Providers,
  { correlationId, traceparent }: Saga,
  attempt: StepAttempt,
  signal: AbortSignal,
): Promise<ProviderResult> {
  const call = {
    idempotencyKey: attempt.key,
    body: attempt.request,
    signal,
    correlationId,
    traceparent,
  };
  switch (attempt.step) {
    case "charge":
      return payment.charge(call);
    case "refund":
      return payment.refund(call);
    case "reserve":
      return inventory.reserve(call);
    case "release":
      return inventory.release(call);
  }
}

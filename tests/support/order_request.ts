/** What clients of the tests order. */
import type { CreateOrderRequest } from "../../src/grpc/gen/oms/v1/order_service.ts";

/** A valid order of 2 x 10.50 EUR. */
export function orderRequest(
  fields: Partial<CreateOrderRequest> = {},
): CreateOrderRequest {
  return {
    customerId: "customer-1",
    currency: "EUR",
    items: [{
      sku: "sku-1",
      qty: 2,
      price: { currency: "EUR", amountMinor: 1_050n },
    }],
    ...fields,
  };
}

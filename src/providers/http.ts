/** Payment and inventory over the provider HTTP API. */
import { type HttpOperation, HttpProviderClient } from "./http_client.ts";
import type {
  InventoryProvider,
  PaymentProvider,
  ProviderCall,
  ProviderResult,
} from "./provider.ts";

const CHARGE: HttpOperation = {
  step: "charge",
  path: "/charges",
  declinedStatus: 402,
};
const REFUND: HttpOperation = {
  step: "refund",
  path: "/refunds",
  declinedStatus: 402,
};
const RESERVE: HttpOperation = {
  step: "reserve",
  path: "/reservations",
  declinedStatus: 409,
};
const RELEASE: HttpOperation = {
  step: "release",
  path: "/releases",
  declinedStatus: 409,
};

export class HttpPayment implements PaymentProvider {
  readonly #client: HttpProviderClient;

  constructor(client: HttpProviderClient) {
    this.#client = client;
  }

  charge(call: ProviderCall): Promise<ProviderResult> {
    return this.#client.call(CHARGE, call);
  }

  refund(call: ProviderCall): Promise<ProviderResult> {
    return this.#client.call(REFUND, call);
  }
}

export class HttpInventory implements InventoryProvider {
  readonly #client: HttpProviderClient;

  constructor(client: HttpProviderClient) {
    this.#client = client;
  }

  reserve(call: ProviderCall): Promise<ProviderResult> {
    return this.#client.call(RESERVE, call);
  }

  release(call: ProviderCall): Promise<ProviderResult> {
    return this.#client.call(RELEASE, call);
  }
}

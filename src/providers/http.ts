/** Payment and inventory over the provider HTTP API. */
import type { ExternalStep } from "../orders/saga.ts";
import { type HttpOperation, HttpProviderClient } from "./http_client.ts";
import type { AnswerRules } from "./interpret.ts";
import type {
  InventoryProvider,
  PaymentProvider,
  ProviderCall,
  ProviderResult,
} from "./provider.ts";

const PAYMENT: AnswerRules = { paymentRequired: true, goneIsDone: false };
const INVENTORY: AnswerRules = { paymentRequired: false, goneIsDone: false };

const CHARGE: HttpOperation = {
  step: "charge",
  path: "/charges",
  rules: PAYMENT,
};
const REFUND: HttpOperation = {
  step: "refund",
  path: "/refunds",
  rules: PAYMENT,
};
const RESERVE: HttpOperation = {
  step: "reserve",
  path: "/reservations",
  rules: INVENTORY,
};
const RELEASE: HttpOperation = {
  step: "release",
  path: "/releases",
  // A repeated or late release finds nothing: that is what it was for.
  rules: { ...INVENTORY, goneIsDone: true },
};

/** By step. */
export const OPERATIONS: Readonly<Record<ExternalStep, HttpOperation>> = {
  charge: CHARGE,
  refund: REFUND,
  reserve: RESERVE,
  release: RELEASE,
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

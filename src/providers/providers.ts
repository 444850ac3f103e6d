/** Chooses an implementation for each provider: HTTP where a URL is set, simulated otherwise. */
import type { Clock } from "@oms/lifecycle";
import { type BreakerSettings, DEFAULT_BREAKER } from "./breaker.ts";
import { HttpInventory, HttpPayment } from "./http.ts";
import { HttpProviderClient } from "./http_client.ts";
import type { ProviderName, ProviderObserver, Providers } from "./provider.ts";
import { SimulatedProviders, type SimulatedSettings } from "./simulated.ts";

export interface ProviderSettings {
  /** `OMS_PAYMENT_URL`; null: simulated. */
  readonly paymentUrl: string | null;
  /** `OMS_INVENTORY_URL`; null: simulated. */
  readonly inventoryUrl: string | null;
  /** Per attempt, ms. */
  readonly timeoutMs: number;
  /** Calls under way, for each HTTP provider. */
  readonly concurrency: number;
  readonly simulated: SimulatedSettings;
  /** Absent: DEFAULT_BREAKER. */
  readonly breaker?: BreakerSettings;
}

export function createProviders(
  settings: ProviderSettings,
  clock: Pick<Clock, "sleep" | "now">,
  observer: ProviderObserver,
): Providers {
  const clients: HttpProviderClient[] = [];
  const connect = (name: ProviderName, baseUrl: string): HttpProviderClient => {
    const client = new HttpProviderClient({
      name,
      baseUrl,
      timeoutMs: settings.timeoutMs,
      concurrency: settings.concurrency,
      breaker: settings.breaker ?? DEFAULT_BREAKER,
      observer,
    });
    clients.push(client);
    return client;
  };
  const simulated = new SimulatedProviders(settings.simulated, clock, observer);
  const { paymentUrl, inventoryUrl } = settings;
  return {
    payment: paymentUrl === null
      ? simulated
      : new HttpPayment(connect("payment", paymentUrl)),
    inventory: inventoryUrl === null
      ? simulated
      : new HttpInventory(connect("inventory", inventoryUrl)),
    close: () => {
      for (const client of clients.splice(0)) client.close();
      return Promise.resolve();
    },
  };
}

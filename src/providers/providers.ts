/** Chooses an implementation for each provider: HTTP where a URL is set, simulated otherwise. */
import type { Clock } from "@oms/lifecycle";
import { type BreakerSettings, DEFAULT_BREAKER } from "./breaker.ts";
import { HttpInventory, HttpPayment } from "./http.ts";
import { HttpProviderClient } from "./http_client.ts";
import type { HttpAccess } from "./http_exchange.ts";
import type { ProviderName, ProviderObserver, Providers } from "./provider.ts";
import { SimulatedProviders, type SimulatedSettings } from "./simulated.ts";

export interface ProviderSettings {
  /** `OMS_PAYMENT_*`; null: simulated. */
  readonly payment: HttpAccess | null;
  /** `OMS_INVENTORY_*`; null: simulated. */
  readonly inventory: HttpAccess | null;
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
  const connect = (
    name: ProviderName,
    access: HttpAccess,
  ): HttpProviderClient => {
    const client = new HttpProviderClient({
      name,
      access,
      timeoutMs: settings.timeoutMs,
      concurrency: settings.concurrency,
      breaker: settings.breaker ?? DEFAULT_BREAKER,
      observer,
    });
    clients.push(client);
    return client;
  };
  const simulated = new SimulatedProviders(settings.simulated, clock, observer);
  const { payment, inventory } = settings;
  return {
    payment: payment === null
      ? simulated
      : new HttpPayment(connect("payment", payment)),
    inventory: inventory === null
      ? simulated
      : new HttpInventory(connect("inventory", inventory)),
    close: () => {
      for (const client of clients.splice(0)) client.close();
      return Promise.resolve();
    },
  };
}

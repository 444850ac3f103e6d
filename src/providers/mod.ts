/** What the rest of the service uses of the providers. */
export type {
  ChargeBody,
  InventoryProvider,
  PaymentProvider,
  ProviderCall,
  ProviderName,
  ProviderObserver,
  ProviderResult,
  Providers,
  RefundBody,
  ReleaseBody,
  ReserveBody,
} from "./provider.ts";
export { createProviders, type ProviderSettings } from "./providers.ts";
export type { SimulatedSettings } from "./simulated.ts";

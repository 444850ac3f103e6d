/** What the rest of the service uses of the providers. */
export type { HttpAccess } from "./http_exchange.ts";
export type { ProviderName, ProviderObserver, Providers } from "./provider.ts";
export { createProviders } from "./providers.ts";

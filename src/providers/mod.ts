/** What the rest of the service uses of the providers. */
export type { ProviderObserver, Providers } from "./provider.ts";
export { createProviders } from "./providers.ts";

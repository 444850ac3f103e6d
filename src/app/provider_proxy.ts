/**
 * The proxy that calls to providers go through, for the `ready` line: the runtime takes it from the environment.
 *
 * Invariant: no credentials. Not promised: whether NO_PROXY excepts a provider; it is shown beside the proxy.
 */
import type { ProvidersConfig } from "../config/types.ts";

/** As `HTTP_PROXY=http://proxy:3128 NO_PROXY=.svc`; `none`: no proxy is named for any provider's URL. */
export function providerProxy(
  { payment, inventory }: Pick<ProvidersConfig, "payment" | "inventory">,
  env: (name: string) => string | undefined,
): string {
  const urls = [payment, inventory].flatMap((target) =>
    target.kind === "http" ? [new URL(target.url).protocol] : []
  );
  const named = (name: string) => env(name) || env(name.toLowerCase());
  const shown = (name: string, withoutCredentials: (v: string) => string) => {
    const value = named(name);
    return value ? [`${name}=${withoutCredentials(value)}`] : [];
  };
  const proxies = [
    ...(urls.length > 0 ? shown("ALL_PROXY", origin) : []),
    ...(urls.includes("https:") ? shown("HTTPS_PROXY", origin) : []),
    ...(urls.includes("http:") ? shown("HTTP_PROXY", origin) : []),
  ];
  if (proxies.length === 0) return "none";
  return [...proxies, ...shown("NO_PROXY", (list) => list)].join(" ");
}

function origin(proxy: string): string {
  const url = URL.parse(/^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`);
  return url === null ? "(unreadable)" : `${url.protocol}//${url.host}`;
}

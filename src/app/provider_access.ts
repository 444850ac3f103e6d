/** The configuration of a provider as its client takes it: the one place where its secrets are revealed. */
import type { ProviderTarget } from "../config.ts";
import type { HttpAccess } from "../providers/mod.ts";

/** Null: simulated. */
export function accessOf(target: ProviderTarget): HttpAccess | null {
  if (target.kind === "simulated") return null;
  const { url, headers, tls } = target;
  return {
    baseUrl: url,
    headers: headers.map(({ name, value }) => [name, value.reveal()] as const),
    tls: { ca: tls.ca, cert: tls.cert, key: tls.key?.reveal() },
  };
}

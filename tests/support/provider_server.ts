/** The provider simulator for tests, in this process, with a ledger that goes away with it. */
import {
  type ProviderServer,
  type ProviderServerOptions,
  startProviderServer,
} from "../../tools/providers/server.ts";

export { type ProviderServer, startProviderServer };

/** Serves on a free port with an empty ledger; no latency unless the knobs say so. */
export async function withProviderServer(
  options: Omit<ProviderServerOptions, "ledgerPath">,
  use: (server: ProviderServer) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "providers_" });
  try {
    await using server = await startProviderServer({
      ...options,
      ledgerPath: `${directory}/ledger.ndjson`,
      knobs: { latency_ms: 0, jitter_ms: 0, ...options.knobs },
    });
    await use(server);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

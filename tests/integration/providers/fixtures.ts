/** HTTP providers against a server that a test scripts. */
import { DEFAULT_BREAKER } from "../../../src/providers/breaker.ts";
import type { HttpAccess } from "../../../src/providers/http_exchange.ts";
import type {
  ProviderCall,
  ProviderObserver,
  ProviderResult,
  Providers,
} from "../../../src/providers/provider.ts";
import {
  createProviders,
  type ProviderSettings,
} from "../../../src/providers/providers.ts";
import { systemClock } from "@oms/lifecycle";

export const CHARGE_BODY =
  '{"order_id":"ord_1","amount_minor":"9007199254740993","currency":"EUR"}';

export function providerCall(
  overrides: Partial<ProviderCall> = {},
): ProviderCall {
  return {
    idempotencyKey: "saga_1:charge",
    body: CHARGE_BODY,
    signal: new AbortController().signal,
    correlationId: "corr-1",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ...overrides,
  };
}

/** What the observer was told. */
export class Observed implements ProviderObserver {
  readonly requests: string[] = [];
  readonly circuits: string[] = [];
  request(
    provider: string,
    operation: string,
    outcome: ProviderResult["kind"] | "aborted",
  ): void {
    this.requests.push(`${provider} ${operation} ${outcome}`);
  }
  circuit(provider: string, state: string): void {
    this.circuits.push(`${provider} ${state}`);
  }
}

/** A provider that asks for nothing. */
export function accessTo(baseUrl: string): HttpAccess {
  return { baseUrl, headers: [], tls: {} };
}

/** Providers whose both URLs are `url`, closed after use. */
export async function withProviders(
  url: string,
  settings: Partial<ProviderSettings>,
  use: (providers: Providers, observed: Observed) => Promise<void>,
): Promise<void> {
  const observed = new Observed();
  const providers = createProviders(
    {
      payment: accessTo(url),
      inventory: accessTo(url),
      timeoutMs: 5_000,
      concurrency: 8,
      simulated: { latencyMs: 0, declineRate: 0, unknownRate: 0, seed: "" },
      breaker: { ...DEFAULT_BREAKER, volumeThreshold: 1_000 },
      ...settings,
    },
    systemClock,
    observed,
  );
  try {
    await use(providers, observed);
  } finally {
    await providers.close();
  }
}

/** Serves `handler` on a free port while `use` runs. */
export async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    handler,
  );
  try {
    await use(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** Reads the request's head, sends `bytes` as they are, closes. */
export async function withRawServer(
  bytes: string,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      try {
        await connection.read(new Uint8Array(65_536));
        await connection.write(new TextEncoder().encode(bytes));
      } finally {
        connection.close();
      }
    }
  })();
  try {
    await use(`http://127.0.0.1:${listener.addr.port}`);
  } finally {
    listener.close();
    await serving;
  }
}

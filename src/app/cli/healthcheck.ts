/**
 * `oms healthcheck`: the probe of a container that has no shell and no curl.
 *
 * Asks /readyz of the service that listens on OMS_METRICS_ADDR in this same environment. Exit codes: 0 ready, 1 not
 * ready, not reachable or no answer in time, 2 for a wrong command line. One line on stdout, on stderr when it is not 0.
 * No proxy is ever asked.
 *
 * Not promised: that orders can be taken: /readyz follows the lifecycle only (docs/operations.md, Health).
 */
import { formatAddress } from "../../config/parsers.ts";
import { readEnvironment } from "../../config/read.ts";
import type { Address } from "../../config/types.ts";

/** Below the usual time-out of a probe's platform (Kubernetes 1 s at least, Docker 30 s), in ms. */
const TIMEOUT_MS = 2_000;

/** @returns the exit code */
export async function healthcheck(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    console.error(
      `Cannot check health with ${
        JSON.stringify(args[0])
      }: healthcheck takes no arguments, it asks the service of OMS_METRICS_ADDR.`,
    );
    return 2;
  }
  const { values, problems } = readEnvironment({
    OMS_METRICS_ADDR: Deno.env.get("OMS_METRICS_ADDR"),
  }, Deno.readTextFileSync);
  const [problem] = problems;
  const address = values.metricsAddr;
  if (problem !== undefined || address === undefined) {
    return unhealthy(`${problem?.name} ${problem?.message}`);
  }
  if (address.port === 0) {
    return unhealthy(
      "OMS_METRICS_ADDR has port 0, which names no service: give it a fixed port",
    );
  }
  return await probe(dialled(address));
}

/** A service that listens on every interface is asked on the loopback. */
export function dialled({ host, port }: Address): Address {
  if (host === "0.0.0.0") return { host: "127.0.0.1", port };
  return { host: host === "::" ? "::1" : host, port };
}

async function probe(address: Address): Promise<number> {
  const url = `http://${formatAddress(address)}/readyz`;
  try {
    // Straight to the address: a proxy of the environment (HTTP_PROXY, ALL_PROXY) is for others, and may not know it.
    using client = Deno.createHttpClient({
      proxy: {
        transport: "tcp",
        // In brackets if it is IPv6: Deno makes a URL of it.
        hostname: address.host.includes(":")
          ? `[${address.host}]`
          : address.host,
        port: address.port,
      },
    });
    const answer = await fetch(url, {
      client,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = (await answer.text()).trim();
    if (answer.status !== 200) {
      return unhealthy(`${url} answers ${answer.status} ${text}`);
    }
    console.log(text);
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return unhealthy(`${url} does not answer: ${why}`);
  }
}

function unhealthy(why: string): number {
  console.error(`Not healthy: ${why}`);
  return 1;
}

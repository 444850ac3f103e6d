/**
 * `oms healthcheck`: the probe of a container that has no shell and no curl.
 *
 * Asks /readyz of the service that listens on OMS_METRICS_ADDR in this same environment. Exit codes: 0 ready, 1 not
 * ready, not reachable or no answer in time, 2 for a wrong command line. One line on stdout, on stderr when it is not 0.
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
  return await probe(readyUrl(address));
}

/** A service that listens on every interface is asked on the loopback. */
export function readyUrl({ host, port }: Address): string {
  const dialled = host === "0.0.0.0"
    ? "127.0.0.1"
    : host === "::"
    ? "::1"
    : host;
  return `http://${formatAddress({ host: dialled, port })}/readyz`;
}

async function probe(url: string): Promise<number> {
  try {
    const answer = await fetch(url, {
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

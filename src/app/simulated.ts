/** Says that a provider is simulated: an order that is paid then is paid to nobody. */
import type { Config, ProviderTarget } from "../config.ts";
import type { ProviderName } from "../providers/mod.ts";
import type { HealthCheck } from "../http/health.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { ProviderMetrics } from "../telemetry/metrics.ts";

const NAMES: readonly ProviderName[] = ["payment", "inventory"];

/** The providers that are simulated. */
export function simulatedProviders(
  { providers }: Pick<Config, "providers">,
): ProviderName[] {
  return NAMES.filter((name) => providers[name].kind === "simulated");
}

/** In the `ready` line. */
export function providerFact(target: ProviderTarget): string {
  return target.kind === "simulated" ? "simulated" : target.url;
}

/** In the log and in the metrics. */
export function tellSimulated(
  simulated: readonly ProviderName[],
  metrics: Pick<ProviderMetrics, "simulated">,
  log: Logger,
): void {
  for (const provider of NAMES) {
    metrics.simulated.set({ provider }, simulated.includes(provider) ? 1 : 0);
  }
  if (simulated.length === 0) return;
  log.warn(`providers simulated, ${consequenceOf(simulated)}`, {
    simulated: simulated.join(", "),
  });
}

/** In /healthz: never a failure, for whoever simulates has asked for it. */
export function simulatedCheck(
  simulated: readonly ProviderName[],
): HealthCheck {
  return {
    name: "providers",
    critical: false,
    run: () =>
      simulated.length === 0
        ? "payment and inventory are called over HTTP"
        : `${simulated.join(" and ")} simulated, ${consequenceOf(simulated)}`,
  };
}

function consequenceOf(simulated: readonly ProviderName[]): string {
  return simulated.includes("payment")
    ? "no money moves"
    : "nothing is reserved";
}

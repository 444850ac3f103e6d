/**
 * Keeps calls away from a provider that fails, and lets one through now and then to see whether it is back.
 *
 * Invariant: an open circuit answers `unknown`, never `declined`: nothing was asked.
 * Not promised: fairness between the calls that a half-open circuit lets through and those it turns away.
 */
// @ts-types="./opossum.d.ts"
import CircuitBreaker from "opossum";
import type { CircuitState, ProviderResult } from "./provider.ts";

export interface BreakerSettings {
  /** How long an open circuit turns calls away before it tries one, in ms. */
  readonly resetTimeoutMs: number;
  /** Share of failed calls that opens the circuit, in percent. */
  readonly errorThresholdPercentage: number;
  /** Calls within the window below which it never opens. */
  readonly volumeThreshold: number;
  /** Window over which calls are counted, in ms. */
  readonly windowMs: number;
}

export const DEFAULT_BREAKER: BreakerSettings = {
  resetTimeoutMs: 2_000,
  errorThresholdPercentage: 50,
  volumeThreshold: 20,
  windowMs: 10_000,
};

/** What one attempt found out, and whether it speaks against the provider's health. */
export interface Attempt {
  readonly result: ProviderResult;
  readonly healthy: boolean;
}

/** Carries an unhealthy attempt's result through the breaker, which counts rejections. */
class UnhealthyError extends Error {
  override readonly name = "UnhealthyError";
  constructor(readonly result: ProviderResult) {
    super("the provider is in trouble");
  }
}

export class Breaker {
  readonly #breaker: CircuitBreaker<
    [() => Promise<Attempt>],
    ProviderResult
  >;
  readonly #settings: BreakerSettings;

  constructor(
    name: string,
    settings: BreakerSettings,
    onState: (state: CircuitState) => void,
  ) {
    this.#settings = settings;
    this.#breaker = new CircuitBreaker(runAttempt, {
      name,
      timeout: false,
      resetTimeout: settings.resetTimeoutMs,
      errorThresholdPercentage: settings.errorThresholdPercentage,
      volumeThreshold: settings.volumeThreshold,
      rollingCountTimeout: settings.windowMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      // An abort of ours is no failure of the provider, but the one call of a half-open circuit has to end in
      // a verdict: without one opossum would never let another call through.
      errorFilter: (error) =>
        !(error instanceof UnhealthyError) && !this.#breaker.halfOpen,
    });
    this.#breaker.on("open", () => onState("open"));
    this.#breaker.on("halfOpen", () => onState("half_open"));
    this.#breaker.on("close", () => onState("closed"));
  }

  /** @throws what `attempt` throws */
  async run(attempt: () => Promise<Attempt>): Promise<ProviderResult> {
    try {
      return await this.#breaker.fire(attempt);
    } catch (error) {
      if (error instanceof UnhealthyError) return error.result;
      if (!CircuitBreaker.isOurError(error)) throw error;
      return {
        kind: "unknown",
        cause: "circuit open: the provider has been failing",
        retryAfterMs: this.#settings.resetTimeoutMs,
      };
    }
  }

  /** Releases the timers. Later calls answer as if the circuit were open. */
  close(): void {
    this.#breaker.shutdown();
  }
}

async function runAttempt(
  attempt: () => Promise<Attempt>,
): Promise<ProviderResult> {
  const { result, healthy } = await attempt();
  if (!healthy) throw new UnhealthyError(result);
  return result;
}

/**
 * Providers inside the process, for development and demonstrations.
 *
 * Invariants: the answer to a key depends on the seed and the key alone, so the same key gets the same answer
 * also from the next process: that is what idempotence means here, without a ledger. An `unknown` answer says
 * nothing about the effect; a later call with the same key finds the answer that the key always had.
 * Not promised: a record of effects (`deno task providers` keeps one), or that two operations fit each other.
 */
import type { Clock } from "@oms/lifecycle";
import type { ExternalStep } from "../orders/saga.ts";
import { chance } from "./chance.ts";
import type {
  InventoryProvider,
  PaymentProvider,
  ProviderCall,
  ProviderName,
  ProviderObserver,
  ProviderResult,
} from "./provider.ts";

export interface SimulatedSettings {
  /** Mean time to an answer in ms; each call takes between half and one and a half of it (`OMS_SIM_LATENCY`). */
  readonly latencyMs: number;
  /** Share of charges and reservations that are declined, 0 to 1 (`OMS_SIM_DECLINE_RATE`). Undoing always works. */
  readonly declineRate: number;
  /** Share of calls that end without a known result, 0 to 1 (`OMS_SIM_UNKNOWN_RATE`). */
  readonly unknownRate: number;
  /** `OMS_SIM_SEED`; empty is a seed like any other. */
  readonly seed: string;
}

interface SimulatedOperation {
  readonly provider: ProviderName;
  readonly step: ExternalStep;
  readonly idPrefix: string;
  /** Null: never declined. */
  readonly decline: string | null;
}

const CHARGE: SimulatedOperation = {
  provider: "payment",
  step: "charge",
  idPrefix: "ch",
  decline: "card_declined",
};
const REFUND: SimulatedOperation = {
  provider: "payment",
  step: "refund",
  idPrefix: "re",
  decline: null,
};
const RESERVE: SimulatedOperation = {
  provider: "inventory",
  step: "reserve",
  idPrefix: "rsv",
  decline: "out_of_stock",
};
const RELEASE: SimulatedOperation = {
  provider: "inventory",
  step: "release",
  idPrefix: "rel",
  decline: null,
};

export class SimulatedProviders implements PaymentProvider, InventoryProvider {
  readonly #settings: SimulatedSettings;
  readonly #clock: Pick<Clock, "sleep" | "now">;
  readonly #observer: ProviderObserver;
  /** Calls so far of the keys whose last answer was `unknown`: each call has its own luck. */
  readonly #unanswered = new Map<string, number>();

  constructor(
    settings: SimulatedSettings,
    clock: Pick<Clock, "sleep" | "now">,
    observer: ProviderObserver,
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#observer = observer;
  }

  charge(call: ProviderCall): Promise<ProviderResult> {
    return this.#call(CHARGE, call);
  }

  refund(call: ProviderCall): Promise<ProviderResult> {
    return this.#call(REFUND, call);
  }

  reserve(call: ProviderCall): Promise<ProviderResult> {
    return this.#call(RESERVE, call);
  }

  release(call: ProviderCall): Promise<ProviderResult> {
    return this.#call(RELEASE, call);
  }

  async #call(
    operation: SimulatedOperation,
    call: ProviderCall,
  ): Promise<ProviderResult> {
    const { seed, latencyMs } = this.#settings;
    const key = call.idempotencyKey;
    const earlier = this.#unanswered.get(key) ?? 0;
    const started = this.#clock.now();
    const report = (outcome: ProviderResult["kind"] | "aborted") =>
      this.#observer.request(
        operation.provider,
        operation.step,
        outcome,
        (this.#clock.now() - started) / 1000,
      );
    try {
      call.signal.throwIfAborted();
      if (latencyMs > 0) {
        const spread = 0.5 + chance(seed, key, "latency", String(earlier));
        await this.#clock.sleep(latencyMs * spread, call.signal);
      }
    } catch (error) {
      report("aborted");
      throw error;
    }
    const result = this.#answer(operation, key, earlier);
    if (result.kind === "unknown") this.#unanswered.set(key, earlier + 1);
    else this.#unanswered.delete(key);
    report(result.kind);
    return result;
  }

  #answer(
    operation: SimulatedOperation,
    key: string,
    earlier: number,
  ): ProviderResult {
    const { seed, declineRate, unknownRate } = this.#settings;
    if (chance(seed, key, "unknown", String(earlier)) < unknownRate) {
      return { kind: "unknown", cause: "simulated: no answer" };
    }
    if (
      operation.decline !== null && chance(seed, key, "decline") < declineRate
    ) {
      return { kind: "declined", reason: operation.decline };
    }
    const id = `${operation.idPrefix}_${key.replace(/[^A-Za-z0-9]+/g, "_")}`;
    return { kind: "done", id };
  }
}

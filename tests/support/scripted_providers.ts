/**
 * Providers that do what a test tells them, over a ledger that outlives every "process".
 *
 * Invariants, beside those of the ledger:
 * - a call that ends without a known result may have had its effect, as its script says;
 * - every call is recorded, with its key and its exact bytes.
 *
 * Not promised: that what is asked for makes sense. The verdict (saga_verdict.ts) judges that afterwards.
 */
import type { Clock } from "@oms/lifecycle";
import type { ExternalStep } from "../../src/orders/saga.ts";
import type {
  ProviderCall,
  ProviderResult,
  Providers,
} from "../../src/providers/provider.ts";
import { ProviderLedger } from "./provider_ledger.ts";

/** What one call does. `effect`: whether the key gets its result although the caller does not hear of it. */
export type Script =
  | { readonly kind: "done" }
  | { readonly kind: "declined"; readonly reason?: string }
  /** Declined, whatever an earlier call of the key has done. */
  | { readonly kind: "denied" }
  | {
    readonly kind: "unknown";
    readonly effect: boolean;
    readonly retryAfterMs?: number;
  }
  | { readonly kind: "misconfigured" }
  /** Until the caller aborts. */
  | { readonly kind: "hang"; readonly effect: boolean }
  /** The effect at once, the answer after `ms`. */
  | { readonly kind: "late"; readonly ms: number }
  /** The effect at once, the answer when the test lets go; deaf to aborts. */
  | {
    readonly kind: "held";
    readonly until: Promise<void>;
    /** Then the answer is lost. */
    readonly unknown?: boolean;
  }
  /** A defect of the adapter. */
  | { readonly kind: "throws"; readonly error: Error };

export interface RecordedCall {
  readonly step: ExternalStep;
  readonly key: string;
  readonly body: string;
  /** Which call of its key: 0, 1, ... */
  readonly nth: number;
  /** Wall time, epoch ms. */
  readonly at: number;
}

export type ScriptChooser = (call: RecordedCall) => Script;

export class ScriptedProviders extends ProviderLedger implements Providers {
  readonly calls: RecordedCall[] = [];
  /** Calls that run now, and the most that ever ran. */
  running = 0;
  maxRunning = 0;
  /** Decides where no script is queued; done by default. */
  choose: ScriptChooser = () => ({ kind: "done" });
  /** Called before and after each call's effect; a throw is the caller's death. */
  edge: (name: string) => void = () => {};
  readonly #callsOfKey = new Map<string, number>();
  readonly #queues = new Map<ExternalStep, Script[]>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  readonly payment = {
    charge: (call: ProviderCall) => this.#call("charge", call),
    refund: (call: ProviderCall) => this.#call("refund", call),
  };
  readonly inventory = {
    reserve: (call: ProviderCall) => this.#call("reserve", call),
    release: (call: ProviderCall) => this.#call("release", call),
  };

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The next calls of `step` follow these scripts, one each. */
  script(step: ExternalStep, ...scripts: readonly Script[]): void {
    this.#queues.set(step, [...this.#queues.get(step) ?? [], ...scripts]);
  }

  callsOf(step: ExternalStep): RecordedCall[] {
    return this.calls.filter((call) => call.step === step);
  }

  async #call(step: ExternalStep, call: ProviderCall): Promise<ProviderResult> {
    call.signal.throwIfAborted();
    const key = call.idempotencyKey;
    const recorded: RecordedCall = {
      step,
      key,
      body: call.body,
      nth: this.#callsOfKey.get(key) ?? 0,
      at: this.#clock.wallNow(),
    };
    this.calls.push(recorded);
    this.#callsOfKey.set(key, recorded.nth + 1);
    this.note(recorded);
    this.running += 1;
    this.maxRunning = Math.max(this.maxRunning, this.running);
    try {
      this.edge(`before ${step}`);
      const script = this.#queues.get(step)?.shift() ?? this.choose(recorded);
      const result = await this.#follow(script, recorded, call.signal);
      this.edge(`after ${step}`);
      return result;
    } finally {
      this.running -= 1;
    }
  }

  async #follow(
    script: Script,
    call: RecordedCall,
    signal: AbortSignal,
  ): Promise<ProviderResult> {
    switch (script.kind) {
      case "done":
        return this.settle(call, null);
      case "declined":
        return this.settle(call, script.reason ?? "scripted");
      case "denied":
        return { kind: "declined", reason: "scripted" };
      case "unknown": {
        if (script.effect) this.settle(call, null);
        const { retryAfterMs } = script;
        return {
          kind: "unknown",
          cause: "scripted",
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        };
      }
      case "misconfigured":
        return { kind: "misconfigured", cause: "scripted" };
      case "hang":
        if (script.effect) this.settle(call, null);
        return await aborted(signal);
      case "late": {
        const result = this.settle(call, null);
        await this.#clock.sleep(script.ms, signal);
        return result;
      }
      case "held": {
        const result = this.settle(call, null);
        await script.until;
        return script.unknown ? { kind: "unknown", cause: "scripted" } : result;
      }
      case "throws":
        throw script.error;
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    })
  );
}

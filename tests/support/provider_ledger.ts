/**
 * What providers remember of idempotency keys, beyond the life of any process.
 *
 * Invariants: the first final result of a key (done or declined) is that key's result for ever; an effect happens
 * once a key; a key that comes again with other bytes, or for another step, is noted. A release by the key of a
 * reserve that reserved nothing finds nothing.
 */
import type { ExternalStep } from "../../src/orders/saga.ts";
import type { ProviderResult } from "../../src/providers/provider.ts";

/** The final result of a key. */
export interface LedgerEntry {
  readonly step: ExternalStep;
  readonly key: string;
  readonly body: string;
  readonly orderId: string;
  readonly result: Extract<ProviderResult, { kind: "done" | "declined" }>;
}

export interface KeyedRequest {
  readonly step: ExternalStep;
  readonly key: string;
  readonly body: string;
}

const ID_PREFIX: Readonly<Record<ExternalStep, string>> = {
  charge: "ch",
  refund: "re",
  reserve: "rsv",
  release: "rel",
};

/** Whether a release names its reservation by the key of the call, not by an id of this ledger. */
export function isKeyOfReserve(name: string): boolean {
  return name.endsWith(":reserve") && !name.startsWith(`${ID_PREFIX.reserve}_`);
}

export class ProviderLedger {
  /** By key, in the order of the effects. */
  readonly ledger = new Map<string, LedgerEntry>();
  /** Keys that came again with other bytes, or for another step. */
  readonly mismatches: string[] = [];
  readonly #first = new Map<string, KeyedRequest>();

  /** Effects that happened, of one step and optionally one order. */
  effects(step: ExternalStep, orderId?: string): LedgerEntry[] {
    return [...this.ledger.values()].filter((entry) =>
      entry.step === step && entry.result.kind === "done" &&
      (orderId === undefined || entry.orderId === orderId)
    );
  }

  /** A request has come: its bytes have to be those of the key's first. */
  protected note({ step, key, body }: KeyedRequest): void {
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, { step, key, body });
    else if (first.body !== body || first.step !== step) {
      this.mismatches.push(`${key}: ${first.body} then ${body}`);
    }
  }

  /** The key's result; the first one stays. */
  protected settle(
    { step, key, body }: KeyedRequest,
    decline: string | null,
  ): LedgerEntry["result"] {
    const known = this.ledger.get(key);
    if (known !== undefined) return known.result;
    if (step === "release" && this.#reservedNothing(body)) {
      return { kind: "done", id: "", gone: true };
    }
    const result: LedgerEntry["result"] = decline === null
      ? { kind: "done", id: `${ID_PREFIX[step]}_${key}` }
      : { kind: "declined", reason: decline };
    const orderId = String(JSON.parse(body).order_id);
    this.ledger.set(key, { step, key, body, orderId, result });
    return result;
  }

  /** Whether what is to be released is named by a key, and no reservation has that key. */
  #reservedNothing(body: string): boolean {
    const name = String(JSON.parse(body).reservation_id);
    return isKeyOfReserve(name) &&
      this.ledger.get(name)?.result.kind !== "done";
  }
}

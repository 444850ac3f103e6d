/**
 * Ports of the payment and the inventory provider.
 *
 * A call answers one of four outcomes and rejects only with its signal's reason when we abort it
 * ourselves: an abort is no attempt, no result and no event. "Unknown" is never "declined": the effect may have
 * happened, and the only way to find out is the same key with the same bytes.
 */
import type { ExternalStep } from "../orders/saga.ts";

/** JSON bodies, exactly as sent. Minor amounts are decimal strings: they may pass 2^53. */
export interface ChargeBody {
  readonly order_id: string;
  readonly amount_minor: string;
  readonly currency: string;
}
export interface RefundBody {
  readonly order_id: string;
  readonly charge_id: string;
  readonly amount_minor: string;
  readonly currency: string;
}
export interface ReserveBody {
  readonly order_id: string;
  readonly items: readonly { readonly sku: string; readonly qty: number }[];
}
export interface ReleaseBody {
  readonly order_id: string;
  /** The id that was answered; where none ever came, the idempotency key of the reserve call. */
  readonly reservation_id: string;
}

export interface ProviderCall {
  /** `${sagaId}:${step}`. */
  readonly idempotencyKey: string;
  /** The exact JSON body, stored before the first send and repeated unchanged. */
  readonly body: string;
  /** Hard cancel. */
  readonly signal: AbortSignal;
  readonly correlationId: string;
  readonly traceparent: string | null;
}

export type ProviderResult =
  | {
    readonly kind: "done";
    /** Never empty, but where `gone` says why. */
    readonly id: string;
    /** A release that found nothing to release. */
    readonly gone?: true;
  }
  | { readonly kind: "declined"; readonly reason: string }
  | {
    readonly kind: "unknown";
    readonly cause: string;
    /** From Retry-After; ms. */
    readonly retryAfterMs?: number;
  }
  | { readonly kind: "misconfigured"; readonly cause: string };

export interface PaymentProvider {
  /** Body: ChargeBody. `done.id` is the charge id. */
  charge(call: ProviderCall): Promise<ProviderResult>;
  /** Body: RefundBody. */
  refund(call: ProviderCall): Promise<ProviderResult>;
}

export interface InventoryProvider {
  /** Body: ReserveBody. `done.id` is the reservation id. */
  reserve(call: ProviderCall): Promise<ProviderResult>;
  /** Body: ReleaseBody. */
  release(call: ProviderCall): Promise<ProviderResult>;
}

export interface Providers {
  readonly payment: PaymentProvider;
  readonly inventory: InventoryProvider;
  /** Releases sockets and timers. */
  close(): Promise<void>;
}

export type ProviderName = "payment" | "inventory";

export type CircuitState = "closed" | "half_open" | "open";

/** Told of every finished call; `outcome` is the result's kind or `aborted`. */
export interface ProviderObserver {
  request(
    provider: ProviderName,
    operation: ExternalStep,
    outcome: ProviderResult["kind"] | "aborted",
    seconds: number,
  ): void;
  circuit(provider: ProviderName, state: CircuitState): void;
}

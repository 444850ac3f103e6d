/** Requests of the provider API, checked as strictly as a real provider would. */
import { z } from "zod";
import type { Operation } from "./ledger.ts";

export interface ProviderRequest {
  readonly key: string;
  /** As it came. */
  readonly body: string;
  readonly orderId: string;
  readonly amountMinor?: string;
  readonly currency?: string;
  /** Releases: the reservation's id, or the key of the call that may have made it. */
  readonly reservationId?: string;
}

const amount = z.string().regex(/^[1-9][0-9]{0,18}$/);
const currency = z.string().regex(/^[A-Z]{3}$/);
const text = z.string().min(1);

const SCHEMAS = {
  charge: z.strictObject({
    order_id: text,
    amount_minor: z.string().regex(/^[0-9]{1,19}$/),
    currency,
  }),
  refund: z.strictObject({
    order_id: text,
    charge_id: text,
    amount_minor: amount,
    currency,
  }),
  reserve: z.strictObject({
    order_id: text,
    items: z.array(
      z.strictObject({ sku: text, qty: z.number().int().positive() }),
    ).min(1),
  }),
  release: z.strictObject({ order_id: text, reservation_id: text }),
} as const satisfies Record<Operation, z.ZodType>;

/** The request, or what is wrong with it. */
export function parseRequest(
  operation: Operation,
  key: string,
  body: string,
): ProviderRequest | string {
  if (key === "") return "header Idempotency-Key is missing";
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return "body is not JSON";
  }
  const parsed = SCHEMAS[operation].safeParse(json);
  if (!parsed.success) return z.prettifyError(parsed.error);
  const { data } = parsed;
  return {
    key,
    body,
    orderId: data.order_id,
    ...("amount_minor" in data
      ? { amountMinor: data.amount_minor, currency: data.currency }
      : {}),
    ...("reservation_id" in data ? { reservationId: data.reservation_id } : {}),
  };
}

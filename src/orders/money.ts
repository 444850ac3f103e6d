/** Money arithmetic in int64 minor units. Nothing here rounds: amounts are exact or refused. */
import type { OrderItem } from "./order.ts";

export const MAX_INT64 = 9_223_372_036_854_775_807n;

/** Sum of qty x price, or null when it does not fit int64. */
export function totalMinor(items: readonly OrderItem[]): bigint | null {
  let total = 0n;
  for (const item of items) {
    total += BigInt(item.qty) * item.priceMinor;
    if (total > MAX_INT64) return null;
  }
  return total;
}

/**
 * How much of a message an order takes.
 *
 * Invariant: never less than what its protobuf encoding takes within a list (a test holds it against the real one).
 * Not promised: the exact size; it is some bytes an item more.
 */
import type { Order } from "./order.ts";

/** An item without its sku: tags, lengths, qty, price with currency. In bytes. */
const ITEM = 32;
/** An order without its items and its customer: id, amounts, times, version. In bytes. */
const ORDER = 192;

const utf8 = new TextEncoder();

/** In bytes. */
export function sizeOf({ customerId, items }: Order): number {
  let size = ORDER + utf8.encode(customerId).length;
  for (const { sku } of items) size += ITEM + utf8.encode(sku).length;
  return size;
}

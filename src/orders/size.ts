/**
 * How much of a message an order and an entry of its timeline take.
 *
 * Invariant: never less than what its protobuf encoding takes within a list (a test holds it against the real one).
 * Not promised: the exact size; it is some bytes an item more.
 */
import type { Order, TimelineEntry } from "./order.ts";

/** An item without its sku: tags, lengths, qty, price with currency. In bytes. */
const ITEM = 32;
/** An order without its items and its customer: id, amounts, times, version. In bytes. */
const ORDER = 192;

/** An entry without its texts: tags, lengths, time. In bytes. */
const ENTRY = 32;

const utf8 = new TextEncoder();

/** In bytes. */
export function sizeOf({ customerId, items }: Order): number {
  let size = ORDER + utf8.encode(customerId).length;
  for (const { sku } of items) size += ITEM + utf8.encode(sku).length;
  return size;
}

/** In bytes. */
export function sizeOfEntry({ type, reason }: TimelineEntry): number {
  return ENTRY + type.length + utf8.encode(reason).length;
}

/**
 * A customer's orders, newest first, with a filter by status.
 *
 * The index carries no status: with it every status change would rewrite an index page in every commit. So a
 * filtered list walks the customer's orders. That, and orders of many items, is read in chunks that give the event
 * loop back in between; a page is then no snapshot, as little as two pages are. Between two chunks it ends when
 * nobody waits for it any more.
 */
import type { Order } from "../../orders/order.ts";
import { sizeOf } from "../../orders/size.ts";
import { type Page, PageBuilder } from "../page.ts";
import type { ListPosition, ListQuery } from "../store.ts";
import type { SqliteReader } from "./reader.ts";

/** About 2 ms of reading. */
const CHUNK = 500;
/** Before every real position: times are epoch ms. */
const FIRST: ListPosition = { createdAt: Number.MAX_SAFE_INTEGER, id: "ord_" };

export type Read = <T>(read: (reader: SqliteReader) => T) => Promise<T>;

export async function listOrders(
  query: ListQuery,
  read: Read,
  signal?: AbortSignal,
): Promise<Page<Order>> {
  const { customerId, statuses } = query;
  const all = statuses.length === 0;
  const page = new PageBuilder(query, sizeOf);
  let after = query.after ?? FIRST;
  for (;;) {
    signal?.throwIfAborted();
    const rows = all ? Math.min(page.wanted, CHUNK) : CHUNK;
    const chunk = await read((reader) => reader.page(customerId, after, rows));
    for (const order of chunk.found) {
      if (!all && !statuses.includes(order.status)) continue;
      if (!page.add(order)) return page.build(true);
    }
    const last = chunk.found.at(-1);
    if (last === undefined || chunk.ended) return page.build(false);
    after = { createdAt: last.createdAt, id: last.id };
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/**
 * A customer's orders, newest first, with a filter by status.
 *
 * The index carries no status: with it every status change would rewrite an index page in every commit. So a
 * filtered list walks the customer's orders in chunks and gives the event loop back in between; a page is
 * then no snapshot, as little as two pages are. Between two chunks it ends when nobody waits for it any more.
 */
import type { Order } from "../../orders/order.ts";
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
): Promise<Order[]> {
  const { customerId, statuses, limit } = query;
  let after = query.after ?? FIRST;
  if (statuses.length === 0) {
    return await read((reader) => reader.page(customerId, after, limit));
  }
  const found: Order[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const chunk = await read((reader) => reader.page(customerId, after, CHUNK));
    for (const order of chunk) {
      if (!statuses.includes(order.status)) continue;
      found.push(order);
      if (found.length === limit) return found;
    }
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < CHUNK) return found;
    after = { createdAt: last.createdAt, id: last.id };
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

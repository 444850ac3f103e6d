/** The two reading use cases. They never touch keys, back-pressure or the dispatcher. */
import { isOrderId } from "../orders/ids.ts";
import type { Order, OrderStatus, TimelineEntry } from "../orders/order.ts";
import { sizeOf } from "../orders/size.ts";
import type { Store } from "../storage/store.ts";
import { OrderNotFoundError } from "./errors.ts";
import { encodePageToken, parsePageToken } from "./page_token.ts";

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 500;
/**
 * What a page may take: gRPC clients refuse a message of more than 4 MiB unless they are told otherwise. More than
 * any order, which came in a message of 1 MiB. In bytes.
 */
const MAX_PAGE_BYTES = 3 * 1_048_576;

export interface ListInput {
  readonly customerId: string;
  readonly statuses: readonly OrderStatus[];
  /** 0 means DEFAULT_PAGE_SIZE; above MAX_PAGE_SIZE means MAX_PAGE_SIZE. A page of large orders may hold fewer. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
}

export class OrderQueries {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws OrderNotFoundError */
  async get(
    orderId: string,
  ): Promise<{ order: Order; timeline: TimelineEntry[] }> {
    const order = isOrderId(orderId) ? await this.#store.order(orderId) : null;
    if (order === null) throw new OrderNotFoundError();
    return { order, timeline: await this.#store.timeline(order.id) };
  }

  /**
   * @param signal the call's deadline or cancel
   * @throws PageTokenError when the token is not of this query; the signal's reason
   */
  async list(
    input: ListInput,
    signal: AbortSignal,
  ): Promise<{ orders: Order[]; nextPageToken: string }> {
    const { customerId, statuses } = input;
    const size = Math.min(input.pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
    const after = await parsePageToken(input.pageToken, customerId, statuses);
    // One more than fits tells whether there is a next page.
    const found = await this.#store.list({
      customerId,
      statuses,
      limit: size + 1,
      maxBytes: MAX_PAGE_BYTES,
      after,
    }, { signal });
    const orders = found.slice(0, Math.min(size, fitting(found)));
    const last = orders.at(-1);
    const nextPageToken = found.length > orders.length && last !== undefined
      ? await encodePageToken(last, customerId, statuses)
      : "";
    return { orders, nextPageToken };
  }
}

/** How many of the first orders fit into one answer; one does in any case. */
function fitting(orders: readonly Order[]): number {
  let bytes = 0;
  const tooMany = orders.findIndex((order) => {
    bytes += sizeOf(order);
    return bytes > MAX_PAGE_BYTES;
  });
  return tooMany === -1 ? orders.length : Math.max(1, tooMany);
}

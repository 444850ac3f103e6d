/** The two reading use cases. They never touch keys, back-pressure or the dispatcher. */
import { isOrderId } from "../orders/ids.ts";
import type { Order, OrderStatus, TimelineEntry } from "../orders/order.ts";
import type { Store } from "../storage/store.ts";
import { OrderNotFoundError } from "./errors.ts";
import { encodePageToken, parsePageToken } from "./page_token.ts";

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 500;

export interface ListInput {
  readonly customerId: string;
  readonly statuses: readonly OrderStatus[];
  /** 0 means DEFAULT_PAGE_SIZE; above MAX_PAGE_SIZE means MAX_PAGE_SIZE. */
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
    // One more than asked for tells whether there is a next page.
    const found = await this.#store.list({
      customerId,
      statuses,
      limit: size + 1,
      after,
    }, { signal });
    const orders = found.slice(0, size);
    const last = orders.at(-1);
    const nextPageToken = found.length > size && last !== undefined
      ? await encodePageToken(last, customerId, statuses)
      : "";
    return { orders, nextPageToken };
  }
}

/** The two reading use cases. They never touch keys, back-pressure or the dispatcher. */
import { isOrderId } from "../orders/ids.ts";
import type { Order, OrderStatus, TimelineEntry } from "../orders/order.ts";
import { sizeOf, sizeOfEntry } from "../orders/size.ts";
import type { Store } from "../storage/store.ts";
import { OrderNotFoundError } from "./errors.ts";
import {
  encodePageToken,
  encodeTimelineToken,
  parsePageToken,
  parseTimelineToken,
} from "./page_token.ts";

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

export interface GetInput {
  readonly orderId: string;
  /** Entries of the timeline; 0 means as many as fit into one answer, and so does what is more. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
}

export class OrderQueries {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * @param signal the call's deadline or cancel
   * @throws PageTokenError when the token is not of this order; OrderNotFoundError; the signal's reason
   */
  async get(
    { orderId, pageSize, pageToken }: GetInput,
    signal: AbortSignal,
  ): Promise<
    { order: Order; timeline: TimelineEntry[]; nextPageToken: string }
  > {
    const after = await parseTimelineToken(pageToken, orderId);
    const order = isOrderId(orderId) ? await this.#store.order(orderId) : null;
    if (order === null) throw new OrderNotFoundError();
    const size = pageSize || Infinity;
    const maxBytes = MAX_PAGE_BYTES - sizeOf(order);
    const found = await this.#store.timeline(order.id, {
      after,
      limit: size + 1,
      maxBytes,
    }, { signal });
    const timeline = page(found, size, sizeOfEntry, maxBytes);
    const nextPageToken = found.length > timeline.length
      ? await encodeTimelineToken(after + timeline.length, orderId)
      : "";
    return { order, timeline, nextPageToken };
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
    const orders = page(found, size, sizeOf, MAX_PAGE_BYTES);
    const last = orders.at(-1);
    const nextPageToken = found.length > orders.length && last !== undefined
      ? await encodePageToken(last, customerId, statuses)
      : "";
    return { orders, nextPageToken };
  }
}

/** The first of them, as many as are asked for and fit into one answer; one in any case. */
function page<T>(
  found: readonly T[],
  size: number,
  sizeOf: (item: T) => number,
  maxBytes: number,
): T[] {
  let bytes = 0;
  const tooMany = found.findIndex((item) => (bytes += sizeOf(item)) > maxBytes);
  const fits = tooMany === -1 ? found.length : Math.max(1, tooMany);
  return found.slice(0, Math.min(size, fits));
}

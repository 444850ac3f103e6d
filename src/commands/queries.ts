/** The two reading use cases. They never touch keys, back-pressure or the dispatcher. */
import { isOrderId } from "../orders/ids.ts";
import type { Order, OrderStatus, TimelineEntry } from "../orders/order.ts";
import { sizeOf } from "../orders/size.ts";
import type { Store } from "../storage/store.ts";
import { OrderNotFoundError } from "./errors.ts";
import {
  encodePageToken,
  encodeTimelineToken,
  parsePageToken,
  parseTimelineToken,
} from "./page_token.ts";

const DEFAULT_PAGE_SIZE = 100;
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
    {
      order: Order;
      timeline: readonly TimelineEntry[];
      nextPageToken: string;
    }
  > {
    const after = await parseTimelineToken(pageToken, orderId);
    const order = isOrderId(orderId) ? await this.#store.order(orderId) : null;
    if (order === null) throw new OrderNotFoundError();
    const { items: timeline, more } = await this.#store.timeline(order.id, {
      after,
      limit: pageSize || Infinity,
      maxBytes: MAX_PAGE_BYTES - sizeOf(order),
    }, { signal });
    const nextPageToken = more
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
  ): Promise<{ orders: readonly Order[]; nextPageToken: string }> {
    const { customerId, statuses } = input;
    const after = await parsePageToken(input.pageToken, customerId, statuses);
    const { items: orders, more } = await this.#store.list({
      customerId,
      statuses,
      limit: Math.min(input.pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
      maxBytes: MAX_PAGE_BYTES,
      after,
    }, { signal });
    const last = orders.at(-1);
    const nextPageToken = more && last !== undefined
      ? await encodePageToken(last, customerId, statuses)
      : "";
    return { orders, nextPageToken };
  }
}

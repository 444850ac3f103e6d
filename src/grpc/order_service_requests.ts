/**
 * Requests of the OrderService: from generated messages to valid inputs, once.
 *
 * All violations are reported together, by field path. What comes out needs no further check of form; whether
 * the order allows it is decided by the domain.
 */
import { type Metadata, status } from "@grpc/grpc-js";
import type { CreateInput, RefundInput } from "../commands/order_commands.ts";
import type {
  PageTokenError,
  RequestMismatchError,
} from "../commands/errors.ts";
import type { GetInput, ListInput } from "../commands/queries.ts";
import { totalMinor } from "../orders/money.ts";
import type { OrderItem, OrderStatus } from "../orders/order.ts";
import { IDEMPOTENCY_KEY } from "./context.ts";
import { type FieldViolation, RpcError } from "./errors.ts";
import type {
  CancelOrderRequest,
  CreateOrderRequest,
  GetOrderRequest,
  ListOrdersRequest,
  Money,
  OrderItem as OrderItemMessage,
  PayOrderRequest,
  RefundOrderRequest,
} from "./gen/oms/v1/order_service.ts";
import { statusFromWire } from "./order_service_messages.ts";

const MAX_ITEMS = 1_000;
const MAX_QTY = 1_000_000;
const MAX_SKU = 256;
const MAX_CUSTOMER_ID = 128;
const MAX_REASON = 1_024;
const MAX_ORDER_ID = 128;
const MAX_FILTER_STATUSES = 100;
const CURRENCY = /^[A-Z]{3}$/;
const IDEMPOTENCY_KEY_FORM = /^[\x20-\x7e]{1,255}$/;

/** Collects what is wrong with one request. */
class Violations {
  readonly #found: FieldViolation[] = [];

  add(field: string, description: string): void {
    this.#found.push({ field, description });
  }

  text(field: string, value: string, min: number, max: number): void {
    const { length } = [...value];
    if (length < min) this.add(field, "must not be empty");
    else if (length > max) {
      this.add(field, `must have at most ${max} characters, has ${length}`);
    }
    if (value.includes("\0")) this.add(field, "must not contain NUL");
  }

  currency(field: string, value: string): void {
    if (!CURRENCY.test(value)) {
      this.add(field, "must be an ISO 4217 code, three upper-case letters");
    }
  }

  /**
   * The metadata's idempotency-key; empty when it is not usable. Blanks around it are not part of it: some clients and
   * proxies take them off on the way, and a repetition may come by another one.
   */
  idempotencyKey(metadata: Metadata): string {
    const given = metadata.get(IDEMPOTENCY_KEY);
    const key = typeof given[0] === "string"
      ? given[0].replace(/^ +| +$/g, "")
      : "";
    const valid = IDEMPOTENCY_KEY_FORM.test(key);
    if (given.length === 1 && valid) return key;
    const description = given.length === 0
      ? "is required: send the same key with every repetition of one request"
      : given.length > 1
      ? "must be sent once"
      : "must be 1-255 printable ASCII characters, not only blanks";
    this.add(IDEMPOTENCY_KEY, description);
    return "";
  }

  /** @throws RpcError INVALID_ARGUMENT when anything was found */
  check(): void {
    if (this.#found.length === 0) return;
    const [first] = this.#found;
    const more = this.#found.length - 1;
    throw new RpcError({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_REQUEST",
      message: `${first?.field}: ${first?.description}` +
        (more > 0 ? ` (and ${more} more)` : ""),
      violations: this.#found,
    });
  }
}

/** A valid mutating request and its key. */
export interface Keyed<T> {
  readonly key: string;
  readonly input: T;
}

export function parseCreate(
  request: CreateOrderRequest,
  metadata: Metadata,
): Keyed<CreateInput> {
  const violations = new Violations();
  const key = violations.idempotencyKey(metadata);
  const { customerId, currency, items } = request;
  violations.text("customer_id", customerId, 1, MAX_CUSTOMER_ID);
  violations.currency("currency", currency);
  if (items.length === 0 || items.length > MAX_ITEMS) {
    violations.add("items", `must have 1-${MAX_ITEMS} items`);
  }
  // What is beyond the limit is refused as a whole, not looked at one by one.
  const parsed = items.slice(0, MAX_ITEMS)
    .map((item, index) => parseItem(violations, item, index, currency));
  violations.check();
  if (totalMinor(parsed) === null) {
    violations.add("items", "the sum of qty x price must fit int64");
  }
  violations.check();
  return { key, input: { customerId, currency, items: parsed } };
}

function parseItem(
  violations: Violations,
  item: OrderItemMessage,
  index: number,
  currency: string,
): OrderItem {
  const at = `items[${index}]`;
  violations.text(`${at}.sku`, item.sku, 1, MAX_SKU);
  if (item.qty < 1 || item.qty > MAX_QTY) {
    violations.add(`${at}.qty`, `must be 1-${MAX_QTY}, is ${item.qty}`);
  }
  const { price } = item;
  if (price === undefined) {
    violations.add(`${at}.price`, "is required");
    return { sku: item.sku, qty: item.qty, priceMinor: 0n };
  }
  if (price.currency !== currency) {
    violations.add(
      `${at}.price.currency`,
      "must be the order's currency",
    );
  }
  if (price.amountMinor < 0n) {
    violations.add(`${at}.price.amount_minor`, "must not be negative");
  }
  return { sku: item.sku, qty: item.qty, priceMinor: price.amountMinor };
}

export function parseGet(request: GetOrderRequest): GetInput {
  const { orderId, timelinePageSize: pageSize, timelinePageToken: pageToken } =
    request;
  const violations = new Violations();
  violations.text("order_id", orderId, 1, MAX_ORDER_ID);
  if (pageSize < 0) {
    violations.add("timeline_page_size", "must not be negative");
  }
  violations.check();
  return { orderId, pageSize, pageToken };
}

export function parsePay(
  request: PayOrderRequest,
  metadata: Metadata,
): Keyed<string> {
  const { orderId } = request;
  const violations = new Violations();
  const key = violations.idempotencyKey(metadata);
  violations.text("order_id", orderId, 1, MAX_ORDER_ID);
  violations.check();
  return { key, input: orderId };
}

export function parseCancel(
  request: CancelOrderRequest,
  metadata: Metadata,
): Keyed<{ orderId: string; reason: string }> {
  const { orderId, reason } = request;
  const violations = new Violations();
  const key = violations.idempotencyKey(metadata);
  violations.text("order_id", orderId, 1, MAX_ORDER_ID);
  violations.text("reason", reason, 0, MAX_REASON);
  violations.check();
  return { key, input: { orderId, reason } };
}

export function parseRefund(
  request: RefundOrderRequest,
  metadata: Metadata,
): Keyed<RefundInput> {
  const { orderId, reason } = request;
  const violations = new Violations();
  const key = violations.idempotencyKey(metadata);
  violations.text("order_id", orderId, 1, MAX_ORDER_ID);
  violations.text("reason", reason, 0, MAX_REASON);
  const amount = request.amount === undefined
    ? null
    : parseRefundAmount(violations, request.amount);
  violations.check();
  return { key, input: { orderId, amount, reason } };
}

function parseRefundAmount(violations: Violations, amount: Money) {
  const currency = amount.currency === "" ? null : amount.currency;
  if (currency !== null) violations.currency("amount.currency", currency);
  if (amount.amountMinor <= 0n) {
    violations.add(
      "amount.amount_minor",
      "must be greater than 0; leave amount out to refund all that is left",
    );
  }
  return { currency, amountMinor: amount.amountMinor };
}

export function parseList(request: ListOrdersRequest): ListInput {
  const { customerId, pageSize, pageToken } = request;
  const violations = new Violations();
  violations.text("customer_id", customerId, 1, MAX_CUSTOMER_ID);
  if (pageSize < 0) violations.add("page_size", "must not be negative");
  if (request.filterStatuses.length > MAX_FILTER_STATUSES) {
    violations.add(
      "filter_statuses",
      `must have at most ${MAX_FILTER_STATUSES} entries`,
    );
  }
  const statuses = new Set<OrderStatus>();
  for (const [index, wire] of request.filterStatuses.entries()) {
    if (index >= MAX_FILTER_STATUSES) break;
    const parsed = statusFromWire(wire);
    if (parsed === null) {
      violations.add(
        `filter_statuses[${index}]`,
        `is not a status of an order: ${wire}`,
      );
    } else statuses.add(parsed);
  }
  violations.check();
  return { customerId, pageSize, pageToken, statuses: [...statuses] };
}

/** One field's violation that is found only when its query, or its order, is known. */
export function lateViolation(
  error: PageTokenError | RequestMismatchError,
): RpcError {
  const { field, message: description } = error;
  return new RpcError({
    code: status.INVALID_ARGUMENT,
    reason: "reason" in error ? error.reason : "INVALID_REQUEST",
    message: description,
    violations: [{ field, description }],
  });
}

/**
 * The OrderService's handlers: parse, run the use case, answer.
 *
 * Kept answers are given back as stored: what a call answers first and what its repetitions answer are the
 * same bytes, decoded and encoded by the same generated code.
 */
import { createHash } from "node:crypto";
import { status } from "@grpc/grpc-js";
import {
  BacklogError,
  KeyReusedError,
  OrderNotFoundError,
  PageTokenError,
  RequestMismatchError,
  StoppingError,
  VersionRaceError,
} from "../commands/errors.ts";
import {
  ANSWER_NOT_FOUND,
  ANSWER_OK,
  type Mutation,
  type OrderCommands,
} from "../commands/order_commands.ts";
import type { OrderQueries } from "../commands/queries.ts";
import type { Order } from "../orders/order.ts";
import { StoreFatalError, StoreUnavailableError } from "../storage/errors.ts";
import type { StoredAnswer } from "../storage/store.ts";
import type { CallContext, UnaryHandler } from "./context.ts";
import { RpcError } from "./errors.ts";
import {
  CancelOrderRequest,
  CancelOrderResponse,
  CreateOrderRequest,
  CreateOrderResponse,
  type GetOrderRequest,
  type GetOrderResponse,
  type ListOrdersRequest,
  type ListOrdersResponse,
  PayOrderRequest,
  PayOrderResponse,
  RefundOrderRequest,
  RefundOrderResponse,
} from "./gen/oms/v1/order_service.ts";
import {
  orderMessage,
  statusToWire,
  timelineMessage,
} from "./order_service_messages.ts";
import {
  lateViolation,
  parseCancel,
  parseCreate,
  parseGet,
  parseList,
  parsePay,
  parseRefund,
} from "./order_service_requests.ts";

/** One handler a method, named as the generated service names them. */
export interface OrderServiceHandlers {
  readonly createOrder: UnaryHandler<CreateOrderRequest, CreateOrderResponse>;
  readonly getOrder: UnaryHandler<GetOrderRequest, GetOrderResponse>;
  readonly listOrders: UnaryHandler<ListOrdersRequest, ListOrdersResponse>;
  readonly payOrder: UnaryHandler<PayOrderRequest, PayOrderResponse>;
  readonly cancelOrder: UnaryHandler<CancelOrderRequest, CancelOrderResponse>;
  readonly refundOrder: UnaryHandler<RefundOrderRequest, RefundOrderResponse>;
}

/** The part of a generated message type that is used here. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

export function orderServiceHandlers(
  commands: OrderCommands,
  queries: OrderQueries,
): OrderServiceHandlers {
  return {
    createOrder: async (request, context) => {
      const { key, input } = parseCreate(request, context.metadata);
      const mutation = mutationOf(
        context,
        key,
        CreateOrderRequest,
        request,
        (order) => bytesOf(CreateOrderResponse, { order: orderMessage(order) }),
      );
      const answer = await commands.create(input, mutation);
      return answerOf(CreateOrderResponse, answer);
    },
    getOrder: async (request, context) => {
      const { order, timeline, nextPageToken } = await queries.get(
        parseGet(request),
        context.signal,
      );
      return {
        order: orderMessage(order),
        timeline: timeline.map(timelineMessage),
        nextTimelinePageToken: nextPageToken,
      };
    },
    listOrders: async (request, context) => {
      const { orders, nextPageToken } = await queries.list(
        parseList(request),
        context.signal,
      );
      return { orders: orders.map(orderMessage), nextPageToken };
    },
    payOrder: async (request, context) => {
      const { key, input } = parsePay(request, context.metadata);
      const mutation = mutationOf(
        context,
        key,
        PayOrderRequest,
        request,
        (order) => bytesOf(PayOrderResponse, presentStatus(order)),
      );
      const answer = await commands.pay(input, mutation);
      return answerOf(PayOrderResponse, answer);
    },
    cancelOrder: async (request, context) => {
      const { key, input } = parseCancel(request, context.metadata);
      const mutation = mutationOf(
        context,
        key,
        CancelOrderRequest,
        request,
        (order) => bytesOf(CancelOrderResponse, presentStatus(order)),
      );
      const answer = await commands.cancel(
        input.orderId,
        input.reason,
        mutation,
      );
      return answerOf(CancelOrderResponse, answer);
    },
    refundOrder: async (request, context) => {
      const { key, input } = parseRefund(request, context.metadata);
      const mutation = mutationOf(
        context,
        key,
        RefundOrderRequest,
        request,
        (order) => bytesOf(RefundOrderResponse, presentStatus(order)),
      );
      const answer = await commands.refund(input, mutation);
      return answerOf(RefundOrderResponse, answer);
    },
  };
}

/** What the use cases throw, as callers see it; undefined for anything that is not theirs. */
export function orderErrorToRpc(error: unknown): RpcError | undefined {
  if (error instanceof KeyReusedError) {
    return rpc(status.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", error);
  }
  if (error instanceof BacklogError) {
    return rpc(status.RESOURCE_EXHAUSTED, "OUTBOX_BACKLOG", error);
  }
  if (error instanceof StoppingError) {
    return rpc(status.UNAVAILABLE, "STOPPING", error);
  }
  if (error instanceof VersionRaceError) {
    return rpc(status.ABORTED, "VERSION_RACE", error);
  }
  if (error instanceof OrderNotFoundError) {
    return rpc(status.NOT_FOUND, "ORDER_NOT_FOUND", error);
  }
  if (
    error instanceof PageTokenError || error instanceof RequestMismatchError
  ) {
    return lateViolation(error);
  }
  if (
    error instanceof StoreUnavailableError || error instanceof StoreFatalError
  ) {
    return new RpcError({
      code: status.UNAVAILABLE,
      reason: "STORE_UNAVAILABLE",
      message: "The store is unavailable; repeat the call",
      cause: error,
    });
  }
  return undefined;
}

function rpc(
  code: RpcError["code"],
  reason: string,
  error: Error,
): RpcError {
  return new RpcError({ code, reason, message: error.message, cause: error });
}

function mutationOf<Req>(
  context: CallContext,
  key: string,
  codec: Codec<Req>,
  request: Req,
  encode: (order: Order) => Uint8Array,
): Mutation {
  return {
    idempotencyKey: key,
    fingerprint: createHash("sha256")
      .update(context.method.path)
      .update("\0")
      .update(bytesOf(codec, request))
      .digest("hex"),
    correlationId: context.correlationId,
    traceparent: context.traceparent ?? null,
    signal: context.signal,
    encode,
  };
}

function bytesOf<T>(codec: Codec<T>, message: T): Uint8Array {
  return codec.encode(message).finish();
}

function presentStatus(order: Order) {
  return { orderId: order.id, status: statusToWire(order.status) };
}

/** @throws RpcError for a kept refusal, whose payload is its reason */
function answerOf<Res>(codec: Codec<Res>, answer: StoredAnswer): Res {
  if (answer.code === ANSWER_OK) return codec.decode(answer.payload);
  throw new RpcError({
    code: answer.code === ANSWER_NOT_FOUND
      ? status.NOT_FOUND
      : status.FAILED_PRECONDITION,
    reason: new TextDecoder().decode(answer.payload),
    message: answer.message,
  });
}

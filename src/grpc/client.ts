/**
 * A promise-based client of OrderService with the service config that
 * docs/client.md publishes.
 *
 * Invariants: errors are RpcErrors with reason, violations and retry hint
 * decoded; aborting a call's signal cancels it and leaves no listener behind.
 *
 * A call waits, within its deadline, for a connection: over a restart on one port
 * none fails.
 *
 * Does not promise: retries of anything but UNAVAILABLE, and of that only within
 * the call's deadline and the service config's attempts. Whoever must know the
 * outcome calls again with the same idempotency key.
 *
 * @module
 */

import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { IDEMPOTENCY_KEY } from "./context.ts";
import { fromServiceError } from "./status.ts";
import {
  type CancelOrderRequest,
  type CancelOrderResponse,
  type CreateOrderRequest,
  type CreateOrderResponse,
  GetOrderRequest,
  type GetOrderResponse,
  type ListOrdersRequest,
  type ListOrdersResponse,
  OrderServiceService as methods,
  type PayOrderRequest,
  type PayOrderResponse,
  type RefundOrderRequest,
  type RefundOrderResponse,
} from "./gen/oms/v1/order_service.ts";

/**
 * How a client should treat this service; as published in docs/client.md. Five attempts are what most libraries allow:
 * their back-offs add up to 15 s, which is a restart.
 */
export const SERVICE_CONFIG = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [{
    name: [{ service: "oms.v1.OrderService" }],
    waitForReady: true,
    retryPolicy: {
      maxAttempts: 5,
      initialBackoff: "0.4s",
      maxBackoff: "10s",
      backoffMultiplier: 3,
      retryableStatusCodes: ["UNAVAILABLE"],
    },
  }],
};

/** Keepalive within what the server allows, and the service config. */
const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.service_config": JSON.stringify(SERVICE_CONFIG),
  "grpc.service_config_disable_resolution": 1,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/** How a client is made. */
export interface OrderClientOptions {
  /** Default: no TLS. */
  readonly credentials?: ChannelCredentials;
  /** Beside the channel options above, and over them. */
  readonly channel?: ChannelOptions;
  /** For calls that name none, in ms; default 20,000. */
  readonly deadlineMs?: number;
  /** False: a call fails at once when no connection can be made. Default true. */
  readonly waitForReady?: boolean;
}

/** How one call is made. */
export interface CallOptions {
  /** Required by the service on the four mutating calls. */
  readonly idempotencyKey?: string;
  /** From now, in ms; `Infinity`: none. */
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** More metadata, as `x-correlation-id`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A call. @throws RpcError; the signal's reason when that was aborted. */
export type Call<Req, Res> = (
  request: Req,
  options?: CallOptions,
) => Promise<Res>;

/** Without a page: the timeline from its beginning, as far as it fits. */
export type GetOrder =
  & Pick<GetOrderRequest, "orderId">
  & Partial<GetOrderRequest>;

/** The six calls. */
export interface OrderClient extends Disposable {
  readonly createOrder: Call<CreateOrderRequest, CreateOrderResponse>;
  readonly getOrder: Call<GetOrder, GetOrderResponse>;
  readonly listOrders: Call<ListOrdersRequest, ListOrdersResponse>;
  readonly payOrder: Call<PayOrderRequest, PayOrderResponse>;
  readonly cancelOrder: Call<CancelOrderRequest, CancelOrderResponse>;
  readonly refundOrder: Call<RefundOrderRequest, RefundOrderResponse>;
  /** Ends the connections; calls that run end CANCELLED or UNAVAILABLE. */
  close(): void;
}

/** More than the back-offs of the service config. */
const DEFAULT_DEADLINE_MS = 20_000;

function metadataOf(options: CallOptions, waitForReady: boolean): Metadata {
  // grpc-js does not read this one from the service config.
  const metadata = new Metadata({ waitForReady });
  for (const [key, value] of Object.entries(options.metadata ?? {})) {
    metadata.set(key, value);
  }
  if (options.idempotencyKey !== undefined) {
    metadata.set(IDEMPOTENCY_KEY, options.idempotencyKey);
  }
  return metadata;
}

/** Opens no connection before the first call. */
export function createOrderClient(
  address: string,
  options: OrderClientOptions = {},
): OrderClient {
  const client = new Client(
    address,
    options.credentials ?? credentials.createInsecure(),
    { ...CHANNEL_OPTIONS, ...options.channel },
  );
  const { deadlineMs = DEFAULT_DEADLINE_MS, waitForReady = true } = options;
  const call =
    <Req, Res>(method: MethodDefinition<Req, Res>): Call<Req, Res> =>
    (request, callOptions = {}) =>
      unaryCall(
        client,
        method,
        request,
        metadataOf(callOptions, waitForReady),
        { deadlineMs, ...callOptions },
      );
  const getOrder = call(methods.getOrder);
  return {
    createOrder: call(methods.createOrder),
    getOrder: (request, options) =>
      getOrder(GetOrderRequest.fromPartial(request), options),
    listOrders: call(methods.listOrders),
    payOrder: call(methods.payOrder),
    cancelOrder: call(methods.cancelOrder),
    refundOrder: call(methods.refundOrder),
    close: () => client.close(),
    [Symbol.dispose]: () => client.close(),
  };
}

function unaryCall<Req, Res>(
  client: Client,
  method: MethodDefinition<Req, Res>,
  request: Req,
  metadata: Metadata,
  { deadlineMs, signal }: CallOptions & { readonly deadlineMs: number },
): Promise<Res> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => running.cancel();
    const running = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      { deadline: Date.now() + deadlineMs },
      (error: ServiceError | null, response?: Res) => {
        signal?.removeEventListener("abort", onAbort);
        if (response !== undefined && error === null) resolve(response);
        else if (signal?.aborted) reject(signal.reason);
        else if (error !== null) reject(fromServiceError(error));
      },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

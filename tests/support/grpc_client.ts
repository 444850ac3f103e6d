/**
 * A gRPC edge with OrderService handlers of a test's choice, and raw calls to
 * it by grpc-js's own client: metadata, odd serialisers and all.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  Client,
  credentials,
  Metadata,
  type ServiceError,
  status,
  type StatusObject,
} from "@grpc/grpc-js";
import type { UnaryHandler } from "../../src/grpc/context.ts";
import { GrpcEdge, type GrpcEdgeOptions } from "../../src/grpc/edge.ts";
import type { RpcError } from "../../src/grpc/errors.ts";
import {
  GetOrderRequest,
  GetOrderResponse,
  OrderServiceService,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { unaryService } from "../../src/grpc/service.ts";
import { fromServiceError } from "../../src/grpc/status.ts";
import { until } from "./until.ts";

/** Handles GetOrder; the other methods are not called. */
export type GetOrderHandler = UnaryHandler<GetOrderRequest, GetOrderResponse>;

/** An answer that names the order which was asked for. */
export function orderAnswer(id: string): GetOrderResponse {
  return GetOrderResponse.fromPartial({ order: { id } });
}

/** An edge, served and closed. */
export interface TestEdge extends AsyncDisposable {
  readonly edge: GrpcEdge;
  readonly host: string;
  readonly port: number;
  /** `host:port` */
  readonly address: string;
}

/** Starts an edge on a free port whose GetOrder is `handler`. */
export async function startEdge(
  handler: GetOrderHandler,
  options: Partial<GrpcEdgeOptions> = {},
): Promise<TestEdge> {
  const unexpected = () => Promise.reject(new Error("not part of this test"));
  const edge = new GrpcEdge({
    services: [
      unaryService(OrderServiceService, {
        getOrder: handler,
        createOrder: unexpected,
        listOrders: unexpected,
        payOrder: unexpected,
        cancelOrder: unexpected,
        refundOrder: unexpected,
      }),
    ],
    ...options,
  });
  const { host, port } = await edge.start({ host: "127.0.0.1", port: 0 });
  edge.setServing(true);
  return {
    edge,
    host,
    port,
    address: `${host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      await edge.force();
    },
  };
}

/** How a raw call ended. */
export interface RawOutcome {
  readonly code: number;
  readonly error: RpcError | undefined;
  readonly response: Buffer | undefined;
  readonly initial: Metadata | undefined;
  readonly trailer: Metadata;
}

/** How a raw call is made. */
export interface RawCallOptions {
  readonly path?: string;
  readonly metadata?: Record<string, string>;
  readonly deadline?: number;
}

/** GetOrder on the wire. */
export const GET_ORDER = OrderServiceService.getOrder.path;

/** The bytes of a GetOrder request. */
export function getOrderBytes(orderId: string): Buffer {
  return Buffer.from(
    GetOrderRequest.encode(GetOrderRequest.fromPartial({ orderId })).finish(),
  );
}

/** A client of bytes that never retries. */
export class RawClient implements Disposable {
  readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure(), {
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
      // The default of this machine's environment must not matter.
      "grpc.enable_http_proxy": 0,
    });
  }

  /** Resolves with any outcome; never rejects. */
  call(request: Uint8Array, options: RawCallOptions = {}): Promise<RawOutcome> {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(options.metadata ?? {})) {
      metadata.set(key, value);
    }
    const same = (bytes: Buffer) => bytes;
    return new Promise((resolve) => {
      let initial: Metadata | undefined;
      let outcome: { error: ServiceError | null; response?: Buffer };
      const call = this.client.makeUnaryRequest(
        options.path ?? GET_ORDER,
        same,
        same,
        Buffer.from(request),
        metadata,
        options.deadline === undefined ? {} : { deadline: options.deadline },
        (error: ServiceError | null, response?: Buffer) => {
          outcome = { error, response };
        },
      );
      call.on("metadata", (received: Metadata) => initial = received);
      call.on("status", (final: StatusObject) =>
        queueMicrotask(() =>
          resolve({
            code: final.code,
            error: outcome.error === null
              ? undefined
              : fromServiceError(outcome.error),
            response: outcome.response,
            initial,
            trailer: final.metadata,
          })
        ));
    });
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

/**
 * Calls with that `grpc-timeout` until one has reached its handler, and resolves with how that one ended: where the
 * machine pauses, the time can be over before.
 */
export async function callHandledWithin(
  client: RawClient,
  timeout: string,
  handled: () => boolean,
): Promise<RawOutcome> {
  let outcome: RawOutcome | undefined;
  await until("a call that reaches its handler in time", async () => {
    outcome = await client.call(getOrderBytes("a"), {
      metadata: { "grpc-timeout": timeout },
    });
    return handled();
  });
  if (outcome === undefined) throw new Error("no call was made");
  return outcome;
}

/** The service still answers. */
export async function assertServes(served: TestEdge): Promise<void> {
  using client = new RawClient(served.address);
  const { code } = await client.call(getOrderBytes("still here"));
  if (code !== status.OK) {
    throw new Error(`the service answers no more: ${status[code]}`);
  }
}

/** A handler that answers when told. */
export function gate(): {
  readonly open: () => void;
  readonly handler: GetOrderHandler;
} {
  const open = Promise.withResolvers<void>();
  return {
    open: () => open.resolve(),
    handler: async ({ orderId }: { orderId: string }) => {
      await open.promise;
      return orderAnswer(orderId);
    },
  };
}

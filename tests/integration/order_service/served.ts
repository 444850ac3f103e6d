/**
 * The OrderService as it is wired in the service, over a store of a test's choice, behind a real gRPC edge on a free
 * port, with our own client.
 */
import { CancelScope, systemClock, TaskGroup } from "@oms/lifecycle";
import { OrderCommands } from "../../../src/commands/order_commands.ts";
import { OrderQueries } from "../../../src/commands/queries.ts";
import {
  createOrderClient,
  type OrderClient,
} from "../../../src/grpc/client.ts";
import { GrpcEdge } from "../../../src/grpc/edge.ts";
import { RpcError } from "../../../src/grpc/errors.ts";
import {
  type CreateOrderRequest,
  type GetOrderResponse,
  OrderServiceService,
  OrderStatus,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import {
  orderErrorToRpc,
  orderServiceHandlers,
} from "../../../src/grpc/order_service.ts";
import { unaryService } from "../../../src/grpc/service.ts";
import type { Providers } from "../../../src/providers/provider.ts";
import { SagaDispatcher } from "../../../src/sagas/dispatcher.ts";
import { Ages } from "../../../src/storage/ages.ts";
import { SagaRunner } from "../../../src/sagas/runner.ts";
import { MemoryStore } from "../../../src/storage/memory.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";
import { orderRequest } from "../../support/order_request.ts";
import { ScriptedProviders } from "../../support/scripted_providers.ts";

/** How long the service may take to do what it does by itself, in ms. */
const SETTLED_WITHIN_MS = 20_000;

export type Driver = "memory" | "sqlite";
export const DRIVERS: readonly Driver[] = ["memory", "sqlite"];

export interface Served extends AsyncDisposable {
  readonly client: OrderClient;
  /** `host:port` */
  readonly address: string;
  readonly store: Store;
  readonly providers: ScriptedProviders;
  readonly dispatcher: SagaDispatcher;
  /** What the edge logged as errors. */
  readonly errors: string[];
  /** True: too many events wait. */
  overBacklog: boolean;
  /** Polls until the order has this status. @throws Error when it does not come */
  until(orderId: string, status: OrderStatus): Promise<GetOrderResponse>;
}

export interface ServedOptions {
  readonly driver?: Driver;
  readonly providers?: Providers;
  /** Stands between the use cases and the store. */
  readonly wrap?: (store: Store) => Store;
}

export async function serve(options: ServedOptions = {}): Promise<Served> {
  const scripted = new ScriptedProviders(systemClock);
  const opened = await openStore(options.driver ?? "memory");
  const store = options.wrap?.(opened.store) ?? opened.store;
  const scope = new CancelScope("test");
  const group = new TaskGroup({
    name: "sagas",
    clock: systemClock,
    scope,
    stopping: scope.signal,
  });
  const observer = {
    claimed: () => {},
    step: () => {},
    held: () => {},
    unknownVersions: () => {},
    changed: () => {},
    ended: () => {},
    active: () => {},
  };
  const common = {
    store,
    clock: systemClock,
    ages: new Ages({ clock: systemClock, newestAt: null }),
    newCommitId: () => crypto.randomUUID(),
    observer,
    log: silentLogger,
  };
  const dispatcher = new SagaDispatcher({
    ...common,
    group,
    concurrency: 64,
    scanIntervalMs: 200,
    maxPostponeMs: 300_000,
    runner: new SagaRunner({
      ...common,
      providers: options.providers ?? scripted,
      owner: opened.owner,
      leaseMs: 10_000,
      retry: { baseMs: 5, maxMs: 100, random: Math.random },
      keyRetentionMs: 3_600_000,
      stuckAfterMs: 60_000,
      resultsUntil: scope.signal,
    }),
  });
  await dispatcher.start();
  const errors: string[] = [];
  const commands = new OrderCommands({
    ...common,
    answerTtlMs: 86_400_000,
    overBacklog: () => served.overBacklog,
    acceptingSagas: () => dispatcher.open,
    accepted: (_change, saga) => {
      if (saga !== null) dispatcher.offer(saga);
    },
  });
  const edge = new GrpcEdge({
    services: [
      unaryService(
        OrderServiceService,
        orderServiceHandlers(commands, new OrderQueries(store)),
      ),
    ],
    errorToRpc: orderErrorToRpc,
    log: (level, msg, fields) => {
      if (level === "error") errors.push(`${msg} ${JSON.stringify(fields)}`);
    },
  });
  const { host, port } = await edge.start({ host: "127.0.0.1", port: 0 });
  edge.setServing(true);
  const address = `${host}:${port}`;
  const client = createOrderClient(address, {
    channel: {
      // A test sees each answer, not the client's next try.
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
    },
  });
  const served: Served = {
    client,
    address,
    store,
    providers: scripted,
    dispatcher,
    errors,
    overBacklog: false,
    until: (orderId, status) => until(client, orderId, status),
    [Symbol.asyncDispose]: async () => {
      client.close();
      await edge.force();
      dispatcher.close();
      await group[Symbol.asyncDispose]();
      await opened.close();
    },
  };
  return served;
}

async function openStore(driver: Driver) {
  const owner = crypto.randomUUID();
  if (driver === "memory") {
    const store: Store = new MemoryStore(undefined, owner);
    return { store, owner, close: () => store.close() };
  }
  const dir = await Deno.makeTempDir({ prefix: "oms-test-" });
  const onFatal = (error: Error) => {
    throw error;
  };
  const store = await openSqliteStore({ dir, owner, onFatal });
  const close = async () => {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  };
  return { store, owner, close };
}

async function until(
  client: OrderClient,
  orderId: string,
  status: OrderStatus,
): Promise<GetOrderResponse> {
  const end = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const answer = await client.getOrder({ orderId });
    if (answer.order?.status === status) return answer;
    if (performance.now() > end) {
      const wanted = OrderStatus[status];
      throw new Error(
        `${orderId} is ${answer.order?.status}, not ${wanted}, after ${SETTLED_WITHIN_MS} ms`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A new key for a mutating call. */
export function keyed(idempotencyKey: string = crypto.randomUUID()) {
  return { idempotencyKey };
}

/** A new order's id. */
export async function createOrder(
  { client }: Served,
  fields: Partial<CreateOrderRequest> = {},
): Promise<string> {
  const { order } = await client.createOrder(orderRequest(fields), keyed());
  if (order === undefined) throw new Error("CreateOrder answered no order");
  return order.id;
}

/** A confirmed order's id. */
export async function confirmedOrder(served: Served): Promise<string> {
  const orderId = await createOrder(served);
  await served.client.payOrder({ orderId }, keyed());
  await served.until(orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  return orderId;
}

/** The RpcError that a call ends with. @throws Error when it is answered */
export async function refusal(call: Promise<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error("The call was answered, a refusal was expected");
}

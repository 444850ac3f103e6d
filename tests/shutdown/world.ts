/**
 * A data directory, the providers that its service calls, and all that clients
 * asked for: enough to start the service, kill it, start it again, and to judge
 * it at the end.
 *
 * Invariants: providers outlive the service, their ledgers are durable; clients
 * never retry by themselves; each call is an intent of the ledger, and a call
 * that repeats a key belongs to that key's intent. Disposing ends every process
 * and removes the directory.
 */
import { status } from "@grpc/grpc-js";
import { createOrderClient, type OrderClient } from "../../src/grpc/client.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import {
  type GetOrderResponse,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import {
  type ProviderServer,
  startProviderServer,
} from "../../tools/providers/server.ts";
import { failpointCommand } from "../support/failpoints/process.ts";
import type { Intent } from "../support/ledger/facts.ts";
import { judge, printVerdict } from "../support/ledger/mod.ts";
import { readEffects } from "../support/ledger/read_effects.ts";
import { readEvents } from "../support/ledger/read_events.ts";
import { readStore } from "../support/ledger/read_store.ts";
import {
  type ServiceExit,
  type ServiceProcess,
  spawnService,
  startService,
} from "../support/service_process.ts";

/** How long the world waits for what the service should do by itself, in ms. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 10;
/** Between two tries of a client to reach a service that has gone, in ms. */
const RECONNECT_MS = 10;
const PICK_FIRST = JSON.stringify({
  loadBalancingConfig: [{ pick_first: {} }],
  methodConfig: [],
});

export interface StartOptions {
  /** With failpoints (their plan) instead of the shipped entry point. */
  readonly failpoints?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Waits for a process that ends by itself.
 *
 * @throws Error with its last lines when it does not
 */
export async function ended(
  service: ServiceProcess,
  withinMs = PATIENCE_MS,
): Promise<ServiceExit> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), withinMs);
  try {
    const exit = await Promise.race([service.exit, late.promise]);
    if (exit !== null) return exit;
  } finally {
    clearTimeout(timer);
  }
  const last = service.output.slice(-20).join("\n");
  throw new Error(`The service still runs after ${withinMs} ms:\n${last}`);
}

/** The samples of /metrics, by name with labels. */
export async function metricsOf(
  service: ServiceProcess,
): Promise<Map<string, number>> {
  const answer = await fetch(`http://${service.httpAddress}/metrics`);
  const lines = (await answer.text()).split("\n");
  return new Map(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** What a mutating call came to: an answer, or a status code. */
export type Outcome =
  | {
    readonly ok: true;
    readonly orderId: string;
    readonly status: OrderStatus;
  }
  | { readonly ok: false; readonly code: status };

type Asked = Pick<Intent, "method"> & Partial<Intent>;

export class World implements AsyncDisposable {
  readonly dir: string;
  readonly payment: ProviderServer;
  readonly inventory: ProviderServer;
  readonly #intents = new Map<string, Intent>();
  readonly #stack: AsyncDisposableStack;
  #keys = 0;

  private constructor(
    dir: string,
    payment: ProviderServer,
    inventory: ProviderServer,
    stack: AsyncDisposableStack,
  ) {
    this.dir = dir;
    this.payment = payment;
    this.inventory = inventory;
    this.#stack = stack;
  }

  static async create(): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const dir = await Deno.makeTempDir({ prefix: "oms_shutdown_" });
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const provider = async (name: string) =>
      stack.use(
        await startProviderServer({
          ledgerPath: `${dir}/${name}.ndjson`,
          knobs: { latency_ms: 0, jitter_ms: 0 },
        }),
      );
    const payment = await provider("payment");
    const inventory = await provider("inventory");
    return new World(dir, payment, inventory, stack.move());
  }

  get dataDir(): string {
    return `${this.dir}/data`;
  }

  /** Environment and command of a start, for those who spawn it themselves. */
  options(options: StartOptions = {}): Parameters<typeof startService>[0] {
    const { failpoints } = options;
    return {
      dataDir: this.dataDir,
      env: {
        OMS_PAYMENT_URL: this.payment.url,
        OMS_INVENTORY_URL: this.inventory.url,
        ...(failpoints === undefined ? {} : { OMS_FAILPOINT: failpoints }),
        ...options.env,
      },
      ...(failpoints === undefined ? {} : { command: failpointCommand() }),
    };
  }

  /** Starts the service and waits until it is ready. */
  async start(options: StartOptions = {}): Promise<ServiceProcess> {
    return this.#stack.use(await startService(this.options(options)));
  }

  /** Starts the service and waits for nothing. */
  spawn(options: StartOptions = {}): ServiceProcess {
    return this.#stack.use(spawnService(this.options(options)));
  }

  /** A client that never retries, closed with the world. */
  client(service: ServiceProcess): OrderClient {
    return this.#stack.use(createOrderClient(service.grpcAddress, {
      deadlineMs: PATIENCE_MS,
      channel: {
        "grpc.enable_retries": 0,
        "grpc.use_local_subchannel_pool": 1,
        "grpc.enable_http_proxy": 0,
        // Connects for a call only: no attempt of its own is under way at the end.
        "grpc.service_config": PICK_FIRST,
        "grpc.initial_reconnect_backoff_ms": RECONNECT_MS,
        "grpc.max_reconnect_backoff_ms": RECONNECT_MS,
      },
    }));
  }

  newKey(): string {
    return `key-${++this.#keys}`;
  }

  create(client: OrderClient, key = this.newKey()): Promise<Outcome> {
    const asked: Asked = {
      method: "create",
      customerId: "customer-1",
      currency: "EUR",
      amountMinor: 2_100n,
    };
    return this.#call(key, asked, async () => {
      const { order } = await client.createOrder({
        customerId: "customer-1",
        currency: "EUR",
        items: [{
          sku: "sku-1",
          qty: 2,
          price: { currency: "EUR", amountMinor: 1_050n },
        }],
      }, { idempotencyKey: key });
      if (order === undefined) throw new Error("create answers no order");
      return { orderId: order.id, status: order.status };
    });
  }

  /** An order, created. @throws Error when the service does not create it */
  async order(client: OrderClient): Promise<string> {
    const outcome = await this.create(client);
    if (outcome.ok) return outcome.orderId;
    throw new Error(`The order was not created: ${status[outcome.code]}`);
  }

  pay(
    client: OrderClient,
    orderId: string,
    key = this.newKey(),
  ): Promise<Outcome> {
    return this.#call(
      key,
      { method: "pay", orderId },
      () => client.payOrder({ orderId }, { idempotencyKey: key }),
    );
  }

  cancel(
    client: OrderClient,
    orderId: string,
    key = this.newKey(),
  ): Promise<Outcome> {
    const reason = "changed my mind";
    return this.#call(
      key,
      { method: "cancel", orderId, reason },
      () => client.cancelOrder({ orderId, reason }, { idempotencyKey: key }),
    );
  }

  /** All that is left. */
  refund(
    client: OrderClient,
    orderId: string,
    key = this.newKey(),
  ): Promise<Outcome> {
    const reason = "broken";
    return this.#call(
      key,
      { method: "refund", orderId, reason },
      () =>
        client.refundOrder({ orderId, amount: undefined, reason }, {
          idempotencyKey: key,
        }),
    );
  }

  /** Waits until the order has this status. @throws Error when it does not come */
  async settled(
    client: OrderClient,
    orderId: string,
    wanted: OrderStatus,
  ): Promise<GetOrderResponse> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await client.getOrder({ orderId });
      const now = answer.order?.status;
      if (now === wanted) return answer;
      if (performance.now() > end) {
        throw new Error(
          `${orderId} is ${
            now === undefined ? "unknown" : OrderStatus[now]
          } and not ${OrderStatus[wanted]} after ${PATIENCE_MS} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Waits until no saga is open and no event waits. @throws Error when that does not come */
  async quiet(service: ServiceProcess): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const metrics = await metricsOf(service);
      const waiting = [...metrics].filter(([name, value]) =>
        /^oms_(sagas_pending|outbox_pending_records)\b/.test(name) && value > 0
      );
      if (waiting.length === 0) return;
      if (performance.now() > end) {
        throw new Error(`Not settled after ${PATIENCE_MS} ms: ${waiting}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /**
   * Judges everything that was asked for in this world. No service may run.
   *
   * @throws Error with the verdict and the first offending order's story
   */
  assertLedger(): void {
    const verdict = judge({
      ...readStore(`${this.dataDir}/oms.db`),
      intents: [...this.#intents.values()],
      effects: [
        ...readEffects(`${this.dir}/payment.ndjson`),
        ...readEffects(`${this.dir}/inventory.ndjson`),
      ],
      events: readEvents(`${this.dataDir}/events.ndjson`),
      incidents: [],
    });
    if (!verdict.ok) throw new Error(printVerdict(verdict));
  }

  /** Keys of the effects at the providers, sorted by what they did; declined ones included. */
  effects(): string[] {
    return [...this.payment.ledger, ...this.inventory.ledger]
      .map(({ operation }) => operation).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    // A closed grpc-js client keeps its last back-off timer, and nothing tells when it is over.
    await new Promise((resolve) => setTimeout(resolve, 4 * RECONNECT_MS));
  }

  async #call(
    key: string,
    asked: Asked,
    send: () => Promise<{ orderId: string; status: OrderStatus }>,
  ): Promise<Outcome> {
    const before = this.#intents.get(key) ?? begun(key, asked);
    this.#intents.set(key, before);
    try {
      const answer = await send();
      this.#intents.set(key, answered(before, answer));
      return { ok: true, ...answer };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const { code } = error;
      const now = this.#intents.get(key) ?? before;
      this.#intents.set(key, { ...now, codes: [...now.codes, status[code]] });
      return { ok: false, code };
    }
  }
}

function begun(key: string, asked: Asked): Intent {
  return {
    key,
    orderId: null,
    customerId: null,
    currency: null,
    amountMinor: null,
    reason: "",
    at: Date.now(),
    outcome: { kind: "unanswered" },
    codes: [],
    endedAt: null,
    replays: [],
    ...asked,
  };
}

function answered(
  intent: Intent,
  answer: { orderId: string; status: OrderStatus },
): Intent {
  const at = Date.now();
  const { orderId } = answer;
  const status = OrderStatus[answer.status];
  if (intent.outcome.kind === "acknowledged") {
    const replay = { orderId, status, at };
    return { ...intent, replays: [...intent.replays, replay] };
  }
  return {
    ...intent,
    outcome: { kind: "acknowledged", orderId, status },
    codes: [...intent.codes, "OK"],
    endedAt: at,
  };
}

/**
 * A data directory, the providers that its service calls, and all that clients
 * asked for: enough to start the service, kill it, start it again, and to judge
 * it at the end.
 *
 * Invariants: providers outlive the service, their ledgers are durable; clients
 * never retry by themselves. Disposing ends every process
 * and removes the directory.
 */
import type { OrderClient } from "../../src/grpc/client.ts";
import {
  type GetOrderResponse,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import type { LedgerEntry } from "../../tools/providers/ledger.ts";
import {
  type ProviderServer,
  startProviderServer,
} from "../../tools/providers/server.ts";
import { failpointCommand } from "../support/failpoints/process.ts";
import { type EventFact, judge, printVerdict } from "../support/ledger/mod.ts";
import { readEffects } from "../support/ledger/read_effects.ts";
import { readEvents } from "../support/ledger/read_events.ts";
import { readStore } from "../support/ledger/read_store.ts";
import { backoffsEnd, loneClient } from "../support/lone_client.ts";
import {
  PATIENT_STORE,
  type ServiceExit,
  type ServiceProcess,
  spawnService,
  startService,
} from "../support/service_process.ts";
import { RecordedCalls } from "./recorded_calls.ts";

/** How long the world waits for what the service should do by itself, in ms. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 10;

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

export class World extends RecordedCalls implements AsyncDisposable {
  readonly dir: string;
  readonly payment: ProviderServer;
  readonly inventory: ProviderServer;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    dir: string,
    payment: ProviderServer,
    inventory: ProviderServer,
    stack: AsyncDisposableStack,
  ) {
    super();
    this.dir = dir;
    this.payment = payment;
    this.inventory = inventory;
    this.#stack = stack;
  }

  /** @param known what the providers have done already */
  static async create(
    known: Readonly<Record<"payment" | "inventory", readonly LedgerEntry[]>> = {
      payment: [],
      inventory: [],
    },
  ): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const dir = await Deno.makeTempDir({ prefix: "oms_shutdown_" });
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const provider = async (name: "payment" | "inventory") => {
      const ledgerPath = `${dir}/${name}.ndjson`;
      const lines = known[name].map((entry) => `${JSON.stringify(entry)}\n`);
      await Deno.writeTextFile(ledgerPath, lines.join(""));
      return stack.use(
        await startProviderServer({
          ledgerPath,
          knobs: { latency_ms: 0, jitter_ms: 0 },
        }),
      );
    };
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
        ...PATIENT_STORE,
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
    return this.#stack.use(loneClient(service.grpcAddress, PATIENCE_MS));
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
   * @param events what consumers got; default: the file publisher's
   * @throws Error with the verdict and the first offending order's story
   */
  assertLedger(
    events: readonly EventFact[] = readEvents(`${this.dataDir}/events.ndjson`),
  ): void {
    const verdict = judge({
      ...readStore(`${this.dataDir}/oms.db`),
      intents: this.intents,
      effects: [
        ...readEffects(`${this.dir}/payment.ndjson`),
        ...readEffects(`${this.dir}/inventory.ndjson`),
      ],
      events,
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
    await backoffsEnd();
  }
}

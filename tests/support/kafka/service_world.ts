/**
 * The real service as a process, publishing to a real broker, under the load
 * of clients that create and pay orders.
 *
 * Invariants: each call has a key of its own, no client retries, every outcome
 * is kept. Disposing kills the service, closes the clients and removes the data.
 */
import type { OrderClient } from "../../../src/grpc/client.ts";
import { RpcError } from "../../../src/grpc/errors.ts";
import { OrderStatus } from "../../../src/grpc/gen/oms/v1/order_service.ts";
import {
  PATIENT_STORE,
  type ServiceProcess,
  startService,
} from "../service_process.ts";
import { failpointCommand } from "../failpoints/process.ts";
import { assertDelivered, type Delivery } from "./check.ts";
import { readCommitted } from "./committed.ts";
import type { KafkaSide, TopicOptions } from "./kafka_side.ts";
import { newTopics, type TestTopics } from "./shared.ts";
import { backoffsEnd, loneClient } from "../lone_client.ts";
import { until } from "../until.ts";
import { orderRequest } from "../order_request.ts";

/** What a call came to; `error` null: OK. */
export interface CallOutcome {
  readonly method: "create" | "pay";
  readonly orderId: string | null;
  readonly error: RpcError | null;
}

export interface ServiceStartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A plan (failpoints/plan.ts): starts the test entry point. */
  readonly failpoints?: string;
}

/** Load that goes on until it is stopped. */
export interface Load {
  /** Resolves when the calls under way have ended. */
  stop(): Promise<void>;
}

export class ServiceWorld implements AsyncDisposable {
  readonly kafka: KafkaSide;
  readonly topics: TestTopics;
  readonly outcomes: CallOutcome[] = [];
  readonly dir: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    kafka: KafkaSide,
    topics: TestTopics,
    dir: string,
    stack: AsyncDisposableStack,
  ) {
    this.kafka = kafka;
    this.topics = topics;
    this.dir = dir;
    this.#stack = stack;
  }

  /**
   * Makes the topics; the broker has to be up.
   *
   * @param options.made which of them; default: all
   */
  static async create(
    kafka: KafkaSide,
    name: string,
    { made = ["order", "saga", "dlq"], ...options }: TopicOptions & {
      readonly made?: readonly (keyof TestTopics)[];
    } = {},
  ): Promise<ServiceWorld> {
    await using stack = new AsyncDisposableStack();
    const topics = newTopics(name);
    if (made.length > 0) {
      await kafka.createTopics(made.map((each) => topics[each]), options);
    }
    const dir = await Deno.makeTempDir({ prefix: "oms-test-" });
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    return new ServiceWorld(kafka, topics, dir, stack.move());
  }

  async start(options: ServiceStartOptions = {}): Promise<ServiceProcess> {
    const { failpoints } = options;
    return this.#stack.use(
      await startService({
        dataDir: this.dir,
        ...(failpoints === undefined ? {} : { command: failpointCommand() }),
        env: {
          ...PATIENT_STORE,
          KAFKA_BROKERS: this.kafka.address,
          KAFKA_TOPIC_ORDER: this.topics.order,
          KAFKA_TOPIC_SAGA: this.topics.saga,
          KAFKA_TOPIC_DLQ: this.topics.dlq,
          OMS_SIM_LATENCY: "2ms",
          ...(failpoints === undefined ? {} : { OMS_FAILPOINT: failpoints }),
          ...options.env,
        },
      }),
    );
  }

  client(service: ServiceProcess): OrderClient {
    return this.#stack.use(loneClient(service.grpcAddress));
  }

  async createOrder(client: OrderClient): Promise<string | null> {
    const outcome = await this.#call("create", null, async (idempotencyKey) => {
      const { order } = await client.createOrder(orderRequest(), {
        idempotencyKey,
      });
      return order?.id ?? null;
    });
    return outcome.orderId;
  }

  async pay(client: OrderClient, orderId: string): Promise<boolean> {
    const { error } = await this.#call("pay", orderId, async (key) => {
      await client.payOrder({ orderId }, { idempotencyKey: key });
      return orderId;
    });
    return error === null;
  }

  /** Creates and pays an order every `everyMs`, whatever the answers. */
  load(client: OrderClient, everyMs: number): Load {
    const calls = new Set<Promise<void>>();
    const one = async () => {
      const orderId = await this.createOrder(client);
      if (orderId !== null) await this.pay(client, orderId);
    };
    const timer = setInterval(() => {
      const call = one().finally(() => calls.delete(call));
      calls.add(call);
    }, everyMs);
    this.#stack.defer(() => clearInterval(timer));
    return {
      stop: async () => {
        clearInterval(timer);
        await Promise.all(calls);
      },
    };
  }

  /** Ids of the orders whose pay was acknowledged. */
  paid(): string[] {
    return this.outcomes.flatMap(({ method, orderId, error }) =>
      method === "pay" && error === null && orderId !== null ? [orderId] : []
    );
  }

  /** Calls that were not answered OK. */
  failed(): string[] {
    return this.outcomes.flatMap(({ method, error }) =>
      error === null ? [] : [`${method}: ${error.message}`]
    );
  }

  /** Waits until every acknowledged pay has led to CONFIRMED. */
  async confirmed(client: OrderClient): Promise<void> {
    for (const orderId of this.paid()) {
      await until(`CONFIRMED of ${orderId}`, async () => {
        const { order } = await client.getOrder({ orderId });
        return order?.status === OrderStatus.ORDER_STATUS_CONFIRMED;
      });
    }
  }

  /**
   * Judges the topics by the outbox. No service may run.
   * @throws Error with what is broken, or with what was left unsent
   */
  async assertDelivered(): Promise<Delivery & { readonly events: number }> {
    const committed = readCommitted(this.dir);
    const unsent = committed.filter(({ sent }) => !sent);
    if (unsent.length > 0) throw new Error(`${unsent.length} events unsent`);
    const consumed = await this.kafka.consumeAll(
      ...Object.values(this.topics),
    );
    const delivery = assertDelivered(committed, consumed, this.topics);
    return { ...delivery, events: committed.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await backoffsEnd();
  }

  async #call(
    method: CallOutcome["method"],
    asked: string | null,
    send: (key: string) => Promise<string | null>,
  ): Promise<CallOutcome> {
    let outcome: CallOutcome;
    try {
      const orderId = await send(crypto.randomUUID());
      outcome = { method, orderId, error: null };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      outcome = { method, orderId: asked, error };
    }
    this.outcomes.push(outcome);
    return outcome;
  }
}

/** The value of a metric without labels, or of the one that is named with them. @throws Error when there is none */
export async function metric(
  service: ServiceProcess,
  name: string,
): Promise<number> {
  const answer = await fetch(`http://${service.httpAddress}/metrics`);
  const line = (await answer.text()).split("\n")
    .find((each) => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`/metrics has no ${name}`);
  return Number(line.slice(name.length + 1));
}

/** `status` of /healthz, and of its check of the publisher. */
export async function health(
  service: ServiceProcess,
): Promise<{ code: number; status: string; publisher: string }> {
  const answer = await fetch(`http://${service.httpAddress}/healthz`);
  const { status, checks } = await answer.json();
  return { code: answer.status, status, publisher: checks.publisher.status };
}

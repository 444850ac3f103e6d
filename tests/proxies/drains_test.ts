/** Two instances behind a proxy, restarted in turn under load: no caller sees it. */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { status } from "@grpc/grpc-js";
import {
  CreateOrderRequest,
  OrderServiceService,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { metricsOf } from "../shutdown/world.ts";
import { freePort } from "../support/free_port.ts";
import { getOrderBytes, RawClient } from "../support/grpc_client.ts";
import { orderRequest } from "../support/order_request.ts";
import {
  PATIENT_STORE,
  type ServiceProcess,
  startService,
} from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { type Instance, PROXIES, type Proxy, startProxy } from "./proxies.ts";
import { proxyTests } from "./requirement.ts";

/** Of each kind; each has one call open. */
const CALLERS = 4;
/** What an instance has to have served since its start before the other one is stopped. */
const SERVED_FIRST = 50;

/** Calls of one kind, and what became of them. */
class Load {
  calls = 0;
  readonly failures: string[] = [];
  readonly #end = new AbortController();
  readonly #callers: Promise<void>[];

  constructor(address: string, readonly lastsOneCall: boolean) {
    this.#callers = Array.from(
      { length: CALLERS },
      (_, i) => this.#run(address, i),
    );
  }

  async end(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#callers);
  }

  async #run(address: string, caller: number): Promise<void> {
    let client = new RawClient(address);
    try {
      for (let i = caller; !this.#end.signal.aborted; i++) {
        await this.#call(client, i % 2 === 0);
        if (!this.lastsOneCall) continue;
        client[Symbol.dispose]();
        client = new RawClient(address);
      }
    } finally {
      client[Symbol.dispose]();
    }
  }

  /** A new order, or one that nobody knows: either instance can answer. */
  async #call(client: RawClient, create: boolean): Promise<void> {
    const deadline = Date.now() + 20_000;
    const { code, error } = create
      ? await client.call(
        CreateOrderRequest.encode(orderRequest()).finish(),
        {
          path: OrderServiceService.createOrder.path,
          metadata: { "idempotency-key": crypto.randomUUID() },
          deadline,
        },
      )
      : await client.call(Buffer.from(getOrderBytes("ord_unknown")), {
        deadline,
      });
    this.calls++;
    if (code === (create ? status.OK : status.NOT_FOUND)) return;
    this.failures.push(
      `${new Date().toISOString()} ${status[code]}: ${error?.message}`,
    );
  }
}

/** An instance that can be started again on its ports. */
class Restarted implements AsyncDisposable {
  readonly ports: Instance = { grpc: freePort(), http: freePort() };
  #service: ServiceProcess | undefined;

  constructor(readonly dataDir: string, readonly lameDuck: string) {}

  async start(): Promise<void> {
    this.#service = await startService({
      dataDir: this.dataDir,
      env: {
        ...PATIENT_STORE,
        OMS_GRPC_ADDR: `127.0.0.1:${this.ports.grpc}`,
        OMS_METRICS_ADDR: `127.0.0.1:${this.ports.http}`,
        OMS_LAME_DUCK: this.lameDuck,
      },
    });
  }

  /** Since its start, by the proxy's choice. */
  async served(): Promise<number> {
    if (this.#service === undefined) return 0;
    let sum = 0;
    for (const [name, value] of await metricsOf(this.#service)) {
      if (name.startsWith("grpc_server_handled_total")) sum += value;
    }
    return sum;
  }

  async drain(): Promise<void> {
    assertEquals((await this.#service?.stop())?.code, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]();
  }
}

async function drains(
  count: number,
  instances: readonly Restarted[],
): Promise<void> {
  const serving = () =>
    Promise.all(instances.map(async (each) =>
      await until(
        "both serve",
        async () => await each.served() >= SERVED_FIRST,
        60_000,
      )
    ));
  await serving();
  for (let i = 0; i < count; i++) {
    const instance = instances[i % instances.length];
    await instance?.drain();
    await instance?.start();
    await serving();
  }
}

function assertNoneFailed(
  kind: string,
  { calls, failures }: Load,
  proxy: Proxy,
): void {
  if (failures.length === 0) return;
  throw new Error([
    `${kind}: ${failures.length} of ${calls} calls failed`,
    ...failures.slice(0, 20),
    ...proxy.output.slice(-20),
  ].join("\n"));
}

for (const name of PROXIES) {
  const test = proxyTests.get(name);
  if (test === undefined) throw new Error(`${name} has no requirement`);
  for (const [count, lameDuck] of [[10, "0s"], [3, "3s"]] as const) {
    Deno.test(test(
      `F72 ${name}: ${count} drains under load, lame duck ${lameDuck}: no call fails, on kept connections or fresh ones`,
      async () => {
        const dir = await Deno.makeTempDir({ prefix: "oms_proxies_" });
        await using stack = new AsyncDisposableStack();
        stack.defer(() => Deno.remove(dir, { recursive: true }));
        const instances = ["a", "b"].map((each) =>
          stack.use(new Restarted(`${dir}/${each}`, lameDuck))
        );
        await Promise.all(instances.map((each) => each.start()));
        const proxy = stack.use(
          await startProxy(
            name,
            `${dir}/proxy`,
            instances.map(({ ports }) => ports),
          ),
        );
        const kept = new Load(proxy.kept, false);
        const fresh = new Load(proxy.fresh, true);
        try {
          await drains(count, instances);
        } finally {
          await Promise.all([kept.end(), fresh.end()]);
        }
        console.log(
          `${name}, kept connections: ${kept.calls} calls, ${kept.failures.length} failed`,
        );
        console.log(
          `${name}, fresh connections: ${fresh.calls} calls, ${fresh.failures.length} failed`,
        );
        assertNoneFailed(`${name}, kept connections`, kept, proxy);
        assertNoneFailed(`${name}, fresh connections`, fresh, proxy);
      },
    ));
  }
}

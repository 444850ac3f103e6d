/** Two instances behind a proxy, restarted in turn under load: no caller sees it. */
import { assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import {
  CancelOrderRequest,
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
import {
  ASKS_READYZ,
  type Instance,
  PROXIES,
  type Proxy,
  type ProxyName,
  startProxy,
} from "./proxies.ts";
import { proxyTests } from "./requirement.ts";

/** Of each kind; each has one call open. */
const CALLERS = 4;
/**
 * Calls that an instance has to have served through each of the proxy's entries since its start before the other one is
 * stopped: each entry has its own opinion of who is down.
 */
const SERVED_FIRST = 20;
/**
 * Calls on fresh connections that may be lost: one for each so many drains, where nothing asks /readyz. The kernel has no
 * way to refuse connections and to hand over those that it holds: whoever comes after the last look at its queue, a
 * millisecond or two before the port is closed, is reset (docs/operations.md, "Proxies").
 */
const DRAINS_PER_RESET = 3;

type Kind = "kept" | "fresh";

/** What tells the callers of one kind from the other's. */
const ASKED_BY = {
  kept: [
    OrderServiceService.getOrder,
    getOrderBytes("ord_unknown"),
  ],
  fresh: [
    OrderServiceService.cancelOrder,
    CancelOrderRequest.encode({ orderId: "ord_unknown", reason: "" }).finish(),
  ],
} as const;

/** Calls of one kind, and what became of them. */
class Load {
  calls = 0;
  readonly failures: string[] = [];
  readonly #end = new AbortController();
  readonly #callers: Promise<void>[];

  constructor(address: string, readonly kind: Kind) {
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
        if (this.kind === "kept") continue;
        client[Symbol.dispose]();
        client = new RawClient(address);
      }
    } finally {
      client[Symbol.dispose]();
    }
  }

  /** A new order, or one that nobody knows: either instance can answer. */
  async #call(client: RawClient, create: boolean): Promise<void> {
    const [method, request] = create
      ? [
        OrderServiceService.createOrder,
        CreateOrderRequest.encode(orderRequest()).finish(),
      ]
      : ASKED_BY[this.kind];
    const { code, error } = await client.call(request, {
      path: method.path,
      metadata: { "idempotency-key": crypto.randomUUID() },
      deadline: Date.now() + 20_000,
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

  /** Through each of the proxy's entries since its start; the least. */
  async served(): Promise<number> {
    if (this.#service === undefined) return 0;
    const metrics = [...await metricsOf(this.#service)];
    return Math.min(
      ...Object.values(ASKED_BY).map(([{ path }]) =>
        metrics
          .filter(([name]) =>
            name.startsWith("grpc_server_handled_total") &&
            name.includes(`grpc_method="${path.split("/").at(-1)}"`)
          )
          .reduce((sum, [, value]) => sum + value, 0)
      ),
    );
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

function assertFailed(
  atMost: number,
  name: ProxyName,
  { kind, calls, failures }: Load,
  proxy: Proxy,
): void {
  console.log(
    `${name}, ${kind} connections: ${calls} calls, ${failures.length} failed`,
  );
  // nginx says which of them were reset; everything else is a fault of ours.
  const resets =
    proxy.output.join("\n").match(/\(104: Connection reset/g)?.length ?? 0;
  if (failures.length <= Math.min(atMost, resets)) return;
  throw new Error([
    `${name}, ${kind} connections: ${failures.length} of ${calls} calls failed, ${resets} by resets`,
    ...failures.slice(0, 20),
    ...proxy.output.slice(-20),
  ].join("\n"));
}

for (const name of PROXIES) {
  const test = proxyTests.get(name);
  if (test === undefined) throw new Error(`${name} has no requirement`);
  for (const [count, lameDuck] of [[10, "0s"], [3, "3s"]] as const) {
    const resets = ASKS_READYZ[name] ? 0 : Math.floor(count / DRAINS_PER_RESET);
    Deno.test(test(
      `F72 ${name}: ${count} drains under load, lame duck ${lameDuck}: no call fails on kept connections, ${
        resets === 0 ? "none" : `at most ${resets}`
      } on fresh ones`,
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
        const kept = new Load(proxy.kept, "kept");
        const fresh = new Load(proxy.fresh, "fresh");
        try {
          await drains(count, instances);
        } finally {
          await Promise.all([kept.end(), fresh.end()]);
        }
        assertFailed(0, name, kept, proxy);
        assertFailed(resets, name, fresh, proxy);
      },
    ));
  }
}

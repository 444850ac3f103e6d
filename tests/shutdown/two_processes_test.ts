/** A rolling stop seen by clients that have a second process to go to, and our service config. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { createOrderClient, type OrderClient } from "../../src/grpc/client.ts";
import { orderRequest } from "../support/order_request.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS, WEAKER_RUNTIME } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

// Not asked for: retries of the gRPC client keep timers of their own for a moment after it is closed.
const CLIENTS = 32;
/** Calls of each client after the processes have done what they do. */
const AFTERWARDS = 10;

/** CreateOrder calls that the process has answered OK. */
async function created(service: ServiceProcess): Promise<number> {
  for (const [series, value] of await metricsOf(service)) {
    const handled = series.startsWith("grpc_server_handled_total");
    if (handled && /"CreateOrder".*"OK"/.test(series)) return value;
  }
  return 0;
}

/** Clients that create orders one after the other until they are told to end. */
class Busy implements AsyncDisposable {
  readonly failures: unknown[] = [];
  readonly #client: OrderClient;
  readonly #loops: Promise<void>;
  #calls = 0;
  #ending = false;

  constructor(...processes: readonly ServiceProcess[]) {
    const addresses = processes.map(({ grpcAddress }) => grpcAddress);
    this.#client = createOrderClient(`ipv4:${addresses.join(",")}`, {
      deadlineMs: 10_000,
    });
    this.#loops = Promise.all(
      Array.from({ length: CLIENTS }, (_, loop) => this.#loop(loop)),
    ).then(() => {});
  }

  async calls(count: number): Promise<void> {
    await until(`${count} calls`, () => this.#calls >= count);
  }

  /** Each client makes some more calls, then no further ones. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#loops;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.#client.close();
  }

  async #loop(loop: number): Promise<void> {
    for (let left = AFTERWARDS; left > 0; left -= this.#ending ? 1 : 0) {
      await this.#client.createOrder(
        orderRequest({ customerId: `customer-${loop}` }),
        { idempotencyKey: crypto.randomUUID() },
      ).catch((error) => this.failures.push(error));
      this.#calls += 1;
    }
  }
}

Deno.test(
  "F03 SIGTERM under 32 clients with a second process to go to: 0 failed calls",
  { ignore: NO_SIGNALS || WEAKER_RUNTIME },
  async () => {
    await using leaving = await World.create();
    await using staying = await World.create();
    const first = await leaving.start({ env: { OMS_LAME_DUCK: "500ms" } });
    const second = await staying.start();
    await using clients = new Busy(first, second);
    await clients.calls(10 * CLIENTS);
    const byFirst = await created(first);
    const { code } = await first.stop();
    await clients.end();

    assertEquals(clients.failures, []);
    assertEquals(code, 0);
    assertGreater(byFirst, 0, "the first process served calls");
    const bySecond = await created(second);
    assert(bySecond >= CLIENTS * AFTERWARDS, `${bySecond} by the second`);
    assertEquals((await second.stop()).code, 0);
  },
);

Deno.test(
  "F09 two processes restart in turn under 32 clients, each while the other takes its calls over: 0 failed calls",
  { ignore: NO_SIGNALS || WEAKER_RUNTIME },
  async () => {
    const env = { OMS_LAME_DUCK: "500ms" };
    await using left = await World.create();
    await using right = await World.create();
    let [first, second] = [
      await left.start({ env }),
      await right.start({ env }),
    ];
    await using clients = new Busy(first, second);
    await clients.calls(10 * CLIENTS);
    const restarted = async (world: World, old: ServiceProcess) => {
      assertEquals((await old.stop()).code, 0);
      const next = await world.start({
        env: { ...env, OMS_GRPC_ADDR: old.grpcAddress },
      });
      // Its share of the calls comes before the other one may go.
      await until("it is found", async () => await created(next) > 0);
      return next;
    };
    first = await restarted(left, first);
    second = await restarted(right, second);
    await clients.end();

    assertEquals(clients.failures, []);
    for (const service of [first, second]) {
      assertEquals((await service.stop()).code, 0);
    }
  },
);

/** Clients that go on calling while processes stop and start, with our own client as it comes. */
import { createOrderClient, type OrderClient } from "../../src/grpc/client.ts";
import { orderRequest } from "../support/order_request.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { metricsOf } from "./world.ts";

export const CLIENTS = 32;
/** Calls of each client after the processes have done what they do. */
export const AFTERWARDS = 10;

/** CreateOrder calls that the process has answered OK. */
export async function created(service: ServiceProcess): Promise<number> {
  for (const [series, value] of await metricsOf(service)) {
    const handled = series.startsWith("grpc_server_handled_total");
    if (handled && /"CreateOrder".*"OK"/.test(series)) return value;
  }
  return 0;
}

/** For a start on a machine that stands still now and then. */
const DEADLINE_MS = 60_000;

/** Clients that create orders one after the other until they are told to end. */
export class Busy implements AsyncDisposable {
  readonly failures: unknown[] = [];
  readonly #client: OrderClient;
  readonly #loops: Promise<void>;
  #calls = 0;
  #ending = false;

  constructor(...processes: readonly ServiceProcess[]) {
    const addresses = processes.map(({ grpcAddress }) => grpcAddress);
    this.#client = createOrderClient(`ipv4:${addresses.join(",")}`, {
      deadlineMs: DEADLINE_MS,
      channel: { "grpc.enable_http_proxy": 0 },
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

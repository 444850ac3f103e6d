/** More CreateOrders than the service can do: what it can do it goes on doing, the rest is refused, probes are answered. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { status } from "@grpc/grpc-js";
import type { OrderClient } from "../../src/grpc/client.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import { AwakeTime } from "../support/awake_time.ts";
import { CreateLoad } from "../support/create_load.ts";
import { readStore } from "../support/ledger/read_store.ts";
import { orderRequest } from "../support/order_request.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_PHASE_ENDS } from "./patient_budgets.ts";
import { NO_SIGNALS } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CAPACITY_MS = 1_500;
const OVERLOAD_MS = 5_000;
const LEAST_RATE = 300;
const TIMES = 3;
/** Of what it does before and after, whichever is less. Without the cap it is nothing. */
const KEPT = 0.5;
/** The same where other work takes the most of the machine meanwhile. */
const BUSY_KEPT = 0.15;
/** The fewer calls are open, the shorter are the turns of the event loop, for which probes wait. */
const OPEN_CALLS = 128;
/** For half of the probes, on a machine that is not busy with other things; else BUSY_PROBE_MS. */
const PROBE_MS = 100;
const BUSY_PROBE_MS = 3_000;
/** Share of the time that a process waits for a processor, from which on the machine is busy. */
const BUSY = 0.01;
const GROWTH_BYTES = 300 * 1024 * 1024;
/** For what an overload has left to be answered. */
const DRAINED_MS = 120_000;
const EVERY_MS = 100;
/** Calls that are open when a capacity is measured. */
const AT_ONCE = 64;

/** Asks all the time, until it is stopped, by probes and by a real client. */
class Probes implements AsyncDisposable {
  readonly #client: OrderClient;
  readonly #service: ServiceProcess;
  readonly #awake = new AwakeTime();
  readonly #stopped = new AbortController();
  readonly #asking: Promise<void>;
  readonly #since = performance.now();
  readonly #took: number[] = [];
  readonly refusals: RpcError[] = [];
  /** Share of the time in which this process was not run. */
  busy = 0;

  constructor(client: OrderClient, service: ServiceProcess) {
    this.#client = client;
    this.#service = service;
    this.#asking = this.#ask();
  }

  async #ask(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      for (const path of ["livez", "readyz"]) {
        const from = this.#awake.ms;
        const answer = await fetch(
          `http://${this.#service.httpAddress}/${path}`,
        );
        await answer.text();
        assertEquals(answer.status, 200, path);
        this.#took.push(this.#awake.ms - from);
      }
      await this.#client.createOrder(orderRequest(), {
        idempotencyKey: crypto.randomUUID(),
      }).catch((error: unknown) => {
        assert(error instanceof RpcError, String(error));
        this.refusals.push(error);
      });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  /** What half of the probes took no longer than, in ms. */
  get median(): number {
    return this.#took.toSorted((a, b) => a - b)[this.#took.length >> 1] ?? 0;
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    await this.#asking;
    this.busy = this.#awake.pausedMs / (performance.now() - this.#since);
    this.#awake[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

Deno.test(
  "F74 CreateOrder at three times the capacity: goodput stays, the rest is refused, probes are answered, nothing is lost",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      env: { ...NO_PHASE_ENDS, OMS_GRPC_MAX_OPEN_CALLS: String(OPEN_CALLS) },
    });
    using load = await CreateLoad.connect(service.grpcAddress);
    const { counts } = load;
    const capacity = async () => {
      const before = counts.ok;
      await load.closedLoop(AT_ONCE, CAPACITY_MS);
      const done = counts.ok - before;
      await until("no call is open", () => counts.open === 0, DRAINED_MS);
      return done / CAPACITY_MS * 1_000;
    };
    const memory = async () =>
      (await metricsOf(service)).get("process_resident_memory_bytes") ?? 0;
    await load.closedLoop(AT_ONCE, CAPACITY_MS);
    const before = await capacity();
    assertEquals(counts.failed, 0, "refused within the capacity");
    const held = await memory();

    const rate = TIMES * Math.max(before, LEAST_RATE);
    await using probes = new Probes(world.client(service), service);
    await load.openLoop(rate, OVERLOAD_MS / 2);
    const half = counts.ok;
    const since = performance.now();
    await load.openLoop(rate, OVERLOAD_MS / 2);
    await probes.stop();
    const grown = await memory() - held;
    await until("no call is open", () => counts.open === 0, DRAINED_MS);
    // Until all is answered: one turn of the event loop may answer thousands.
    const seconds = (performance.now() - since) / 1_000;
    const goodput = (counts.ok - half) / seconds;
    const least = Math.min(before, await capacity());
    const metrics = await metricsOf(service);
    const refused = 'oms_grpc_refused_calls_total{cause="too_many"}';
    const { late } = counts;
    const seen = JSON.stringify({ rate, before, least, goodput, late, grown });
    const busy = probes.busy > BUSY;
    assertGreater(goodput, (busy ? BUSY_KEPT : KEPT) * least, seen);
    // Where the machine gave more during the overload than before it, all may have been done.
    if (counts.failed > 0) assertGreater(metrics.get(refused) ?? 0, 0, seen);
    assertLess(
      probes.median,
      busy ? BUSY_PROBE_MS : PROBE_MS,
      `${seen}, busy ${probes.busy}`,
    );
    assertLess(grown, GROWTH_BYTES, seen);
    for (const { code, reason, retryAfterMs } of probes.refusals) {
      assertEquals([code, reason, retryAfterMs], [
        status.RESOURCE_EXHAUSTED,
        "TOO_MANY_CALLS",
        1_000,
      ]);
    }
    assertEquals((await service.stop("SIGTERM", 60_000)).code, 0);
    const stored = new Set(
      readStore(`${world.dataDir}/oms.db`).orders.map(({ id }) => id),
    );
    assertEquals(counts.orderIds.filter((id) => !stored.has(id)), []);
  },
);

/** A start over a store that is full of sagas which earlier processes have not ended. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { createOrderClient } from "../../src/grpc/client.ts";
import { acceptPay, createOrder } from "../../src/orders/acceptance.ts";
import { newOrderId, newSagaId } from "../../src/orders/ids.ts";
import { openSqliteStore } from "../../src/storage/sqlite.ts";
import type { ChangeSet } from "../../src/storage/store.ts";
import { AwakeTime } from "../support/awake_time.ts";
import { orderRequest } from "../support/order_request.ts";
import { startService } from "../support/service_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { metricsOf } from "./world.ts";

// No sanitizers: the gRPC client keeps timers of its own for a moment after it is closed.
const SAGAS = 10_000;
/** To settle all of them takes longer than a test should. */
const PART = 1_000;
/** Less than the store lets wait. */
const AT_ONCE = 5_000;
const CONCURRENCY = 64;
/** A start over an empty store takes some 0.3 s. */
const READY_MS = 5_000;

/** An order whose payment was accepted, and nothing more. */
function acceptedPay(now: number): ChangeSet {
  const base = { now, traceparent: null };
  const created = createOrder({
    ...base,
    id: newOrderId(),
    customerId: "customer-1",
    currency: "EUR",
    items: [{ sku: "sku-1", qty: 1, priceMinor: 100n }],
  });
  const sagaId = newSagaId();
  const accepted = acceptPay(created.order, {
    ...base,
    sagaId,
    correlationId: sagaId,
  });
  assert(accepted.kind === "accepted");
  const { change, saga } = accepted;
  return {
    commitId: crypto.randomUUID(),
    orderInsert: change.order,
    sagaInsert: saga,
    timeline: [...created.timeline, ...change.timeline],
    outbox: [...created.outbox, ...change.outbox],
  };
}

async function leaveSagas(dir: string): Promise<void> {
  const store = await openSqliteStore({
    dir,
    owner: "inc_before",
    onFatal: (error) => {
      throw error;
    },
  });
  const now = Date.now();
  for (let left = SAGAS; left > 0; left -= AT_ONCE) {
    await Promise.all(
      Array.from(
        { length: AT_ONCE },
        () => store.commit(acceptedPay(now)),
      ),
    );
  }
  await store.close();
}

Deno.test(
  "F27 10,000 unfinished sagas in the file: ready at once, calls are served while they are resumed within the limits",
  { ignore: NO_SIGNALS },
  async () => {
    await withTempDir(async (dir) => {
      const dataDir = `${dir}/data`;
      await leaveSagas(dataDir);
      using awake = new AwakeTime();
      await using service = await startService({
        dataDir,
        env: {
          OMS_SAGA_CONCURRENCY: `${CONCURRENCY}`,
          OMS_SIM_LATENCY: "5ms",
          // Their events wait as well.
          OMS_OUTBOX_MAX_PENDING: "100000",
        },
      });
      assertLess(awake.ms, READY_MS);
      const { resumed_sagas } = await service.ready();
      assertEquals(resumed_sagas, 2 * CONCURRENCY);
      using client = createOrderClient(service.grpcAddress);
      const idempotencyKey = crypto.randomUUID();
      await client.createOrder(orderRequest(), { idempotencyKey });
      await until("a part of them is settled", async () => {
        const metrics = await metricsOf(service);
        const active = metrics.get("oms_active_sagas");
        assert(active !== undefined && active <= CONCURRENCY, `${active}`);
        const pending = metrics.get('oms_sagas_pending{saga="pay"}');
        return pending !== undefined && pending <= SAGAS - PART;
      });
      assertEquals((await service.stop()).code, 0);
    });
  },
);

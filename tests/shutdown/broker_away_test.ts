/** A configured broker that is not there, or that accepts and says nothing. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { AwakeTime } from "../support/awake_time.ts";
import { freePort } from "../support/free_port.ts";
import { hungServer } from "../support/hung_server.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { ended, metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Refuses connections. */
function absent() {
  return {
    address: `127.0.0.1:${freePort()}`,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** OMS_OUTBOX_FLUSH_TIMEOUT and OMS_KAFKA_CLOSE_TIMEOUT, and what the rest of an idle stop takes, in ms. */
const BOUND_MS = 3_000 + 2_000 + 500;

for (const [name, makeBroker] of Object.entries({ absent, hung: hungServer })) {
  Deno.test(
    `F42 a broker that is ${name}: starts, serves, is degraded, stops within its budgets, loses nothing`,
    { ignore: NO_SIGNALS },
    async () => {
      await using broker = makeBroker();
      await using world = await World.create();
      const first = await world.start({
        env: { KAFKA_BROKERS: broker.address },
      });
      assertEquals((await first.ready()).publisher, "kafka");
      const client = world.client(first);
      const orderId = await world.order(client);
      await world.pay(client, orderId);
      await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      await degraded(first.httpAddress);
      const pending = (await metricsOf(first)).get(
        "oms_outbox_pending_records",
      );
      assert((pending ?? 0) >= 5, `${pending} events wait`);
      const { code, awakeMs } = await first.stop();
      assertEquals(code, 0, first.output.join("\n"));
      assertLess(awakeMs, BOUND_MS);
      const closed = first.log.find(({ msg }) => msg === "kafka closed");
      assertEquals(closed?.publisher, "kafka");
      const flushed = first.log.find(({ msg }) => msg === "outbox flushed");
      assertEquals(flushed?.pending, pending);

      // Nothing of it was lost with the broker: the file gets all of it.
      const second = await world.start();
      await world.quiet(second);
      assertEquals((await second.stop()).code, 0);
      world.assertLedger();
    },
  );
}

Deno.test(
  "F42 SIGTERM while the start looks for a broker that is hung: exit 0, bounded",
  { ignore: NO_SIGNALS },
  async () => {
    await using broker = hungServer();
    await using world = await World.create();
    const service = world.spawn({
      failpoints: "start:grpc=sigterm",
      env: { KAFKA_BROKERS: broker.address },
    });
    using time = new AwakeTime();
    assertEquals((await ended(service)).code, 0);
    assertLess(time.ms, 8_000);
  },
);

/** Waits until /healthz is degraded because of the publisher; it is 200 all the while. */
async function degraded(address: string): Promise<void> {
  await until("a degraded service", async () => {
    const answer = await fetch(`http://${address}/healthz`);
    const report = await answer.json();
    assertEquals(answer.status, 200);
    if (report.status !== "degraded") return false;
    assertEquals(report.checks.publisher.status, "degraded");
    assertEquals(report.checks.store.status, "healthy");
    return true;
  });
}

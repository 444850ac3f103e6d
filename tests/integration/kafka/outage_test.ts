/**
 * The real service and a broker that is away: at the start, and for a while
 * under load. TEST_KAFKA_OUTAGE_MS makes the outage longer than the suite's.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  health,
  metric,
  ServiceWorld,
} from "../../support/kafka/service_world.ts";
import { kafkaTest } from "../../support/kafka/shared.ts";
import type { ServiceProcess } from "../../support/service_process.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const OUTAGE_MS = Number(Deno.env.get("TEST_KAFKA_OUTAGE_MS") || 5_000);
/** 20 orders a second, of 6 events each: a minute of them is below the default limit. */
const ORDER_EVERY_MS = 50;
/** Back-off of the relay (5 s at most), and the delivery of what has piled up. */
const CATCH_UP_MS = 60_000;

async function pendingOf(service: ServiceProcess): Promise<number> {
  return await metric(service, "oms_outbox_pending_records");
}

async function caughtUp(service: ServiceProcess): Promise<void> {
  await until(
    "an empty outbox",
    async () => await pendingOf(service) === 0,
    CATCH_UP_MS,
  );
}

Deno.test(kafkaTest(
  "F40 the broker is down at the start and away under load: no failed call, all delivered in order once it is back",
  async (broker) => {
    await using world = await ServiceWorld.create(broker, "f40");
    await broker.stop();
    const service = await world.start();
    const client = world.client(service);

    const load = world.load(client, ORDER_EVERY_MS);
    await until(
      "degraded because of the publisher",
      async () => (await health(service)).publisher === "degraded",
    );
    assertEquals((await health(service)).code, 200);
    assertEquals(await readyCode(service), 200);
    await until("a backlog", async () => await pendingOf(service) > 50);
    await broker.start();
    await until(
      "healthy",
      async () => (await health(service)).status === "healthy",
      CATCH_UP_MS,
    );

    await broker.stop();
    const end = performance.now() + OUTAGE_MS;
    await until("the outage's end, with a backlog of its length", async () => {
      assert(service.running, "the service ended");
      return performance.now() > end &&
        await pendingOf(service) > 2 * OUTAGE_MS / ORDER_EVERY_MS;
    }, OUTAGE_MS + CATCH_UP_MS);
    const age = await metric(service, "oms_outbox_oldest_pending_age_seconds");
    assertGreater(age, 0.8 * OUTAGE_MS / 1_000);
    assertEquals((await health(service)).publisher, "degraded");
    await broker.start();
    await until(
      "publishing again",
      () =>
        Promise.resolve(
          service.log.filter(({ msg }) => msg === "publishing events again")
            .length >= 2,
        ),
      CATCH_UP_MS,
    );
    await load.stop();
    await world.confirmed(client);
    await caughtUp(service);
    assertEquals(
      await metric(service, "oms_outbox_oldest_pending_age_seconds"),
      0,
    );
    assertEquals((await service.stop()).code, 0);
    assertEquals(world.failed(), []);
    const { events } = await world.assertDelivered();
    assertEquals(events, 6 * world.paid().length);
  },
));

async function readyCode(service: ServiceProcess): Promise<number> {
  const answer = await fetch(`http://${service.httpAddress}/readyz`);
  await answer.body?.cancel();
  return answer.status;
}

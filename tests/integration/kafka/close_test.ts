/** Stops while the broker does not answer. */
import { assertEquals, assertLess } from "@std/assert";
import { newOrderId } from "../../../src/orders/ids.ts";
import { AwakeTime } from "../../support/awake_time.ts";
import { OutboxWorld } from "../../support/kafka/outbox_world.ts";
import { metric, ServiceWorld } from "../../support/kafka/service_world.ts";
import { kafkaTest, newTopics } from "../../support/kafka/shared.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** OMS_KAFKA_CLOSE_TIMEOUT, in ms. */
const KAFKA_MS = 2_000;
/** OMS_OUTBOX_FLUSH_TIMEOUT and OMS_KAFKA_CLOSE_TIMEOUT, and the rest of a stop, in ms. */
const STOP_MS = 3_000 + KAFKA_MS + 1_000;

Deno.test(kafkaTest(
  "F42 SIGTERM with a batch at a broker that hangs: bounded, logged, exit 0, delivered later",
  async (broker) => {
    await using world = await ServiceWorld.create(broker, "f42");
    const first = await world.start();
    const client = world.client(first);
    const load = world.load(client, 30);
    await until(
      "events sent",
      async () => await metric(first, "oms_outbox_events_total") > 50,
    );
    broker.pause();
    await until(
      "events that wait",
      async () => await metric(first, "oms_outbox_pending_records") > 20,
    );
    await load.stop();
    const { code, awakeMs } = await first.stop();
    assertEquals(code, 0, first.output.join("\n"));
    assertLess(awakeMs, STOP_MS);
    const flushed = first.log.find(({ msg }) => msg === "outbox flushed");
    assertEquals(flushed?.outcome, "timed_out");
    const closed = first.log.find(({ msg }) => msg === "kafka closed");
    // What the flush abandons takes its connections with it: nothing is left to wait for.
    assertEquals(closed?.outcome, "done");
    assertLess(Number(closed?.duration_ms), KAFKA_MS + 250);
    const complete = first.log.find(({ msg }) => msg === "shutdown complete");
    assertEquals(complete?.exit_code, 0);

    broker.resume();
    const second = await world.start();
    const again = world.client(second);
    await world.confirmed(again);
    await until(
      "an empty outbox",
      async () => await metric(second, "oms_outbox_pending_records") === 0,
    );
    assertEquals((await second.stop()).code, 0);
    assertEquals(world.failed(), []);
    await world.assertDelivered();
  },
));

for (const [what, busy] of [["idle", false], ["sending", true]] as const) {
  Deno.test(kafkaTest(
    `F42 close of a publisher that is ${what} whose broker hangs ends within its limit and leaves nothing`,
    async (broker) => {
      const topics = newTopics(`f42-${what}`);
      await broker.createTopics(Object.values(topics));
      let publishes = 0;
      await using world = await OutboxWorld.open(broker, topics, {
        onPublish: () => publishes++,
      });
      await world.commitMany(3, 3);
      await world.drained();
      broker.pause();
      if (busy) {
        const before = publishes;
        await world.commit(newOrderId());
        await world.until("a publish", () => publishes > before);
      }
      using time = new AwakeTime();
      await world.publisher.close().catch(() => {});
      assertLess(time.ms, KAFKA_MS);
      broker.resume();
    },
  ));
}

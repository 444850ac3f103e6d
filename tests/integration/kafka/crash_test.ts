/** SIGKILL of the service between a broker's acknowledgement and the mark. */
import { assertEquals, assertGreater } from "@std/assert";
import { metric, ServiceWorld } from "../../support/kafka/service_world.ts";
import { kafkaTest } from "../../support/kafka/shared.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Before the first one a publish must not have been marked yet. */
const POINTS = [
  "publish:before#4",
  "publish:after-ack#3",
  "publish:after-ack#9",
];

Deno.test(kafkaTest(
  "F12 SIGKILL between acknowledgement and mark: once more with the same event-id and bytes, in order",
  async (broker) => {
    await using world = await ServiceWorld.create(broker, "f12");
    for (const point of POINTS) {
      const doomed = await world.start({ failpoints: `${point}=print+kill` });
      const client = world.client(doomed);
      const load = world.load(client, 20);
      await until(
        `the end at ${point}`,
        () => Promise.resolve(!doomed.running),
      );
      assertEquals((await doomed.exit).signal, "SIGKILL", point);
      await load.stop();
    }
    const service = await world.start({ env: { KAFKA_COMPRESSION: "gzip" } });
    const client = world.client(service);
    await world.confirmed(client);
    await until(
      "an empty outbox",
      async () => await metric(service, "oms_outbox_pending_records") === 0,
    );
    assertEquals((await service.stop()).code, 0);
    const { duplicates } = await world.assertDelivered();
    assertGreater(duplicates, 0);
  },
));

/** A stop while the disk is slow, over a keepalive tick of the connections (20 s). */
import { assert, assertEquals } from "@std/assert";
import { traced, whyNoStrace } from "../support/powerloss/strace.ts";
import { testsThatNeed } from "../support/required.ts";
import { serviceCommand } from "../support/service_command.ts";
import {
  type ServiceProcess,
  startService,
} from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { metricsOf, World } from "./world.ts";

const test = testsThatNeed({
  missing: await whyNoStrace(),
  requiredBy: "TEST_REQUIRE_STRACE",
  cannot: "Cannot slow a disk down",
});

const HELD_MS = 2_500;
/** Of the store's thread: those of a start, and some orders more. */
const SYNCS_BEFORE = 60;
/** As src/grpc/edge.ts has it. */
const KEEPALIVE_MS = 20_000;
const BEFORE_TICK_MS = 2_100;

/** CreateOrders that the service has begun to handle. */
async function created(service: ServiceProcess): Promise<number> {
  const metrics = await metricsOf(service);
  const [, count = 0] =
    [...metrics].find(([name]) =>
      name.startsWith("grpc_server_started_total") &&
      name.includes('"CreateOrder"')
    ) ?? [];
  return count;
}

Deno.test(test(
  "F71 syncs of 2.5 s, six orders on warm connections, SIGTERM just before their keepalive: all OK",
  async () => {
    await using world = await World.create();
    const inject = ["fsync", "fdatasync"].map((call) =>
      `${call}:delay_enter=${HELD_MS}ms:when=${SYNCS_BEFORE}+`
    );
    await using service = await startService({
      ...world.options({
        env: {
          OMS_GRPC_GRACEFUL_TIMEOUT: "40s",
          OMS_TERMINATION_GRACE: "90s",
        },
      }),
      command: traced(serviceCommand(), `${world.dir}/trace`, inject),
    });
    const slow = world.client(service);
    await until("the disk is slow", async () => {
      const asked = performance.now();
      await world.order(slow);
      return performance.now() - asked > HELD_MS;
    });
    const clients = Array.from({ length: 6 }, () => world.client(service));
    await Promise.all(clients.map(async (client) => {
      const { orders } = await client.listOrders({
        customerId: "nobody",
        pageSize: 1,
        pageToken: "",
        filterStatuses: [],
      });
      assertEquals(orders, []);
    }));
    const warm = performance.now();
    await until(
      "shortly before the tick",
      () => performance.now() - warm > KEEPALIVE_MS - BEFORE_TICK_MS,
    );
    const before = await created(service);
    const calls = clients.map((client) => world.create(client));
    await until(
      "all six are with the service",
      async () => await created(service) === before + 6,
    );
    service.signal("SIGTERM");
    const answers = await Promise.all(calls);
    const endedAfter = performance.now() - warm;
    assertEquals(answers.map(({ ok }) => ok), Array(6).fill(true));
    assert(endedAfter > KEEPALIVE_MS, `ended ${endedAfter} ms after the start`);
    const stopped = await service.waitForLog("grpc stopped");
    assertEquals(stopped.outcome, "done");
    await service.kill();
  },
));

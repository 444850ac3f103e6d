/** A rolling stop seen by clients that have a second process to go to, and our service config. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { ServiceProcess } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { AFTERWARDS, Busy, CLIENTS, created } from "./busy_clients.ts";
import { NO_SIGNALS, WEAKER_RUNTIME } from "./platform.ts";
import { World } from "./world.ts";

// Not asked for: retries of the gRPC client keep timers of their own for a moment after it is closed.

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

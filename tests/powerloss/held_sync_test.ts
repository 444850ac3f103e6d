/** A disk that takes its time: the answer waits for it, and nothing else does. */
import { assert } from "@std/assert";
import { traced } from "../support/powerloss/strace.ts";
import { serviceCommand } from "../support/service_command.ts";
import { startService } from "../support/service_process.ts";
import { World } from "../shutdown/world.ts";
import { powerlossTest } from "./requirement.ts";

/** Each sync is held for so long before it begins. */
const HELD_MS = 400;
/** While one sync is held; a stalled event loop would answer one of each, after it. */
const ANSWERED_MEANWHILE = 3;
/** A start syncs some twenty times. */
const READY_WITHIN_MS = 60_000;

Deno.test(powerlossTest(
  "while a sync is held no acknowledgement comes, and GetOrder and /livez are answered",
  async () => {
    await using world = await World.create();
    const inject = ["fsync", "fdatasync"].map((call) =>
      `${call}:delay_enter=${HELD_MS}ms`
    );
    await using service = await startService({
      ...world.options(),
      command: traced(serviceCommand(), `${world.dir}/trace`, inject),
      readyWithinMs: READY_WITHIN_MS,
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    for (const method of ["create", "pay"] as const) {
      let answered = false;
      const asked = performance.now();
      const call = method === "create"
        ? world.create(client)
        : world.pay(client, orderId);
      const ended = call.then(({ ok }) => {
        answered = true;
        return { ok, afterMs: performance.now() - asked };
      });
      let meanwhile = 0;
      while (!answered) {
        await client.getOrder({ orderId });
        const live = await fetch(`http://${service.httpAddress}/livez`);
        await live.body?.cancel();
        if (!answered && live.ok) meanwhile++;
      }
      const { ok, afterMs } = await ended;
      console.log(
        `${method}: answered after ${
          Math.round(afterMs)
        } ms, ${meanwhile} reads and probes before`,
      );
      assert(ok);
      assert(afterMs >= HELD_MS, `${method} answered after ${afterMs} ms`);
      assert(meanwhile >= ANSWERED_MEANWHILE, `only ${meanwhile} meanwhile`);
    }
    await service.kill();
  },
));

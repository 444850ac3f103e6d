/** What is no stop signal, and an output that nobody reads. */
import { assertEquals, assertLess } from "@std/assert";
import { freePort } from "../support/free_port.ts";
import { serviceCommand } from "../support/service_command.ts";
import { type ServiceStop, spawnService } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test(
  "F05 SIGHUP, SIGPIPE, SIGUSR1 and SIGUSR2: no death, the stop still works",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({ env: { LOG_LEVEL: "debug" } });
    for (const signal of ["SIGHUP", "SIGPIPE", "SIGUSR1", "SIGUSR2"] as const) {
      service.signal(signal);
      await service.waitForLog((line) =>
        line.msg === "signal ignored" && line.signal === signal
      );
    }
    await world.order(world.client(service));
    assertEquals((await service.stop()).code, 0);
    world.assertLedger();
  },
);

/** Starts the service with these redirections of a shell, and stops it. */
async function stopWith(
  world: World,
  redirections: string,
): Promise<ServiceStop> {
  const port = freePort();
  const words = serviceCommand().map((word) => `'${word}'`).join(" ");
  const options = world.options({
    env: { OMS_METRICS_ADDR: `127.0.0.1:${port}`, LOG_LEVEL: "debug" },
  });
  await using service = spawnService({
    ...options,
    command: ["bash", "-c", `${redirections}; exec ${words}`],
  });
  await untilReady(port);
  return await service.stop("SIGTERM");
}

Deno.test(
  "F05 stdout and stderr closed by their reader: serves, drains, exit 0",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const { code, awakeMs } = await stopWith(
      world,
      "exec > >(exec true) 2> >(exec true)",
    );
    assertEquals(code, 0);
    assertLess(awakeMs, 2_000);
  },
);

Deno.test(
  "F05 full pipes that nobody reads: neither start nor drain nor exit stalls",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["exec >&3", "exec >&3 2>&3"], async (redirection) => {
      await using world = await World.create();
      const fifo = `${world.dir}/fifo`;
      // Opened for both directions, so that opening waits for nobody and writing gets no EPIPE; 64 KiB fill it.
      const fill =
        `mkfifo '${fifo}'; exec 3<>'${fifo}'; dd if=/dev/zero bs=4096 count=16 >&3 2>/dev/null`;
      const { code, awakeMs } = await stopWith(
        world,
        `${fill}; ${redirection}`,
      );
      assertEquals(code, 0, redirection);
      assertLess(awakeMs, 2_000, redirection);
    });
  },
);

/** Without a log to read, readiness is asked for. */
async function untilReady(port: number): Promise<void> {
  await until("a service that is ready", async () => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      await answer.body?.cancel();
      return answer.status === 200;
    } catch {
      // Not listening yet.
      return false;
    }
  });
}

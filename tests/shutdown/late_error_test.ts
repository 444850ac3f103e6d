/** What goes wrong after the stop's last line changes nothing of it. */
import { assertEquals } from "@std/assert";
import { passed } from "../support/failpoints/process.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { ended, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** The error has half a second to come: what a saga that was left behind still keeps the process for. */
const TRIES = 5;

/** What the process said of an error that it met after its stop; null when it was gone before. */
async function stopWithLate(error: "reject" | "uncaught"): Promise<unknown> {
  await using world = await World.create();
  const go = `${world.dir}/go`;
  const service = await world.start({
    failpoints: `before-call:charge=print+wait:${go}+${error}`,
    env: { OMS_SAGA_DRAIN_TIMEOUT: "100ms" },
  });
  const client = world.client(service);
  await world.pay(client, await world.order(client));
  await passed(service, "before-call:charge");
  service.signal("SIGTERM");
  await service.waitForLog("shutdown complete");
  Deno.writeTextFileSync(go, "");
  assertEquals((await ended(service)).code, 3, error);
  const said = service.log.find(({ msg }) => msg === "error after the stop");
  return said?.error ?? null;
}

Deno.test(
  "F16 a rejection or an error that comes after the stop does not change its exit code",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["reject", "uncaught"] as const, async (error) => {
      let said: unknown = null;
      for (let i = 0; i < TRIES && said === null; i++) {
        said = await stopWithLate(error);
      }
      assertEquals(said, "Failpoint before-call:charge was told to fail");
    });
  },
);

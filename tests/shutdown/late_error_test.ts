/** What goes wrong after the stop's last line changes nothing of it. */
import { assertEquals } from "@std/assert";
import { passed } from "../support/failpoints/process.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test(
  "F16 a rejection or an error that comes after the stop does not change its exit code",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["reject", "uncaught"], async (error) => {
      await using world = await World.create();
      const service = await world.start({
        failpoints: `before-call:charge=print+hang;stopped=${error}`,
        env: { OMS_SAGA_DRAIN_TIMEOUT: "100ms" },
      });
      const client = world.client(service);
      await world.pay(client, await world.order(client));
      await passed(service, "before-call:charge");
      assertEquals((await service.stop()).code, 3, error);
      const said = service.log.find(({ msg }) =>
        msg === "error after the stop"
      );
      assertEquals(said?.error, "Failpoint stopped was told to fail", error);
    });
  },
);

/** A start that a further signal forces: what the next one says of it is that, and not that it died. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { AwakeTime } from "../support/awake_time.ts";
import { passed } from "../support/failpoints/process.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { APART_MS, FORCED_WITHIN_MS, pause } from "./further_signal.ts";
import { lastReport } from "./last_report.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { BEFORE_STORE, START_POINTS } from "./start_points.ts";
import { whileAwake } from "./while_awake.ts";
import { ended, metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const FORCED = "forced (SIGTERM, exit code 143)";

/** Two signals while the service hangs at `point`. */
async function forceAt(
  service: ServiceProcess,
  point: string,
): Promise<void> {
  await passed(service, point);
  service.signal("SIGTERM");
  await service.waitForLog("shutdown started");
  await pause(APART_MS);
  using sinceSignal = new AwakeTime();
  service.signal("SIGTERM");
  assertEquals((await ended(service)).code, 143, point);
  assertLess(sinceSignal.ms, FORCED_WITHIN_MS, point);
  const report = service.log.findLast(({ msg }) => msg === "shutdown complete");
  assertEquals([report?.outcome, report?.exit_code], ["forced", 143], point);
}

Deno.test(
  "F02 F04 a second SIGTERM at each step of the start: 143, and on record as forced as soon as there is a store",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(START_POINTS, (point) =>
      whileAwake(async () => {
        await using world = await World.create();
        const service = world.spawn({ failpoints: `${point}=print+hang` });
        await forceAt(service, point);
        const record = await lastReport(world.dataDir);
        assertEquals(
          record && [record.reason, record.outcome, record.exit_code],
          BEFORE_STORE.includes(point) ? null : ["SIGTERM", "forced", 143],
          point,
        );
      }));
  },
);

Deno.test(
  "F02 F04 the start after a forced one tells of it; one that was forced before the store was open changes nothing",
  { ignore: NO_SIGNALS },
  () =>
    whileAwake(async () => {
      await using world = await World.create();
      for (const point of ["start:grpc", ...BEFORE_STORE]) {
        const service = world.spawn({ failpoints: `${point}=print+hang` });
        await forceAt(service, point);
      }
      const next = await world.start();
      assertEquals((await next.ready()).last_stop, FORCED);
      const exported = [...await metricsOf(next)].filter(([name]) =>
        name.startsWith("oms_last_shutdown_info")
      );
      const labels = '{reason="SIGTERM",outcome="forced",exit_code="143"}';
      assertEquals(exported, [[`oms_last_shutdown_info${labels}`, 1]]);
    }),
);

Deno.test(
  "F02 F04 a second SIGTERM while a start is rolled back: on record as forced",
  { ignore: NO_SIGNALS },
  () =>
    whileAwake(async () => {
      await using world = await World.create();
      const service = world.spawn({
        failpoints: "start:grpc=sigterm;publisher:close=print+hang",
      });
      await passed(service, "publisher:close");
      await pause(APART_MS);
      service.signal("SIGTERM");
      assertEquals((await ended(service)).code, 143);
      const next = await world.start();
      assertEquals((await next.ready()).last_stop, FORCED);
    }),
);

Deno.test(
  "F02 F04 a forced start whose store does not take the record: 143 all the same, within its time",
  { ignore: NO_SIGNALS },
  () =>
    whileAwake(async () => {
      await using world = await World.create();
      const service = world.spawn({
        failpoints: "start:sagas=print+hang;before-write:saveReport#2=hang",
      });
      await forceAt(service, "start:sagas");
      assert(service.log.some(({ msg }) => msg === "force hook failed"));
      // The record that the start left stands: nothing could be put after it.
      const next = await world.start();
      assertEquals(
        (await next.ready()).last_stop,
        "died (unknown, exit code -1)",
      );
    }),
);

/** A further signal forces the stop, in whatever phase it is; nothing acknowledged is lost by that. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { AwakeTime } from "../support/awake_time.ts";
import { passed } from "../support/failpoints/process.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { APART_MS, FORCED_WITHIN_MS, pause } from "./further_signal.ts";
import { inPairs } from "./pairs.ts";
import { NO_PHASE_ENDS } from "./patient_budgets.ts";
import { NO_SIGNALS } from "./platform.ts";
import { whileAwake } from "./while_awake.ts";
import { ended, metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

interface Held {
  readonly phase: string;
  /** The line after which the phase is open. */
  readonly opens: string;
  readonly failpoint?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A client's call that keeps the phase open. */
  readonly call?: "pay" | "metrics";
}

const PHASES: readonly Held[] = [
  { phase: "unready", opens: "readiness off", env: { OMS_LAME_DUCK: "5s" } },
  {
    phase: "grpc",
    opens: "readiness off",
    failpoint: "before-read:order#1",
    call: "pay",
  },
  { phase: "sagas", opens: "grpc stopped", failpoint: "before-call:charge" },
  { phase: "outbox", opens: "sagas drained", failpoint: "publish:before" },
  {
    phase: "http",
    opens: "outbox flushed",
    failpoint: "before-read:sagaStats",
    call: "metrics",
  },
  { phase: "kafka", opens: "http stopped", failpoint: "publisher:close" },
  { phase: "store", opens: "kafka closed", failpoint: "store:close" },
];

/** After the outbox. */
const CLOSING = ["http", "kafka", "store"];

/**
 * Ends the service while the phase is open, after a pay was asked for, and judges what the next start makes of it.
 *
 * @param end ends it and checks how it ended
 * @param lastStop how the next start's account of it begins
 * @param unanswered what the caller of a call that runs then may see
 */
async function endIn(
  held: Held,
  signal: "SIGTERM" | "SIGINT",
  end: (service: ServiceProcess) => Promise<void>,
  lastStop: string,
  unanswered: readonly status[],
): Promise<void> {
  const { phase, failpoint } = held;
  await using world = await World.create();
  const first = await world.start({
    failpoints: failpoint === undefined ? "" : `${failpoint}=print+hang`,
    env: { ...NO_PHASE_ENDS, ...held.env },
  });
  const client = world.client(first);
  const orderId = await world.order(client);
  const key = world.newKey();
  const paying = world.pay(client, orderId, key);
  // Ended by the end of the process.
  const scraping = held.call === "metrics"
    ? metricsOf(first).catch(() => {})
    : undefined;
  if (held.call !== undefined || failpoint === "before-call:charge") {
    await passed(first, failpoint?.replace(/#.*/, "") ?? "");
  } else await paying;

  first.signal(signal);
  await first.waitForLog(held.opens);
  await end(first);
  await scraping;
  const outcome = await paying;
  if (held.call === "pay") {
    const code = outcome.ok ? status.OK : outcome.code;
    assert(unanswered.includes(code), `${phase}: ${status[code]}`);
  }

  const second = await world.start();
  const told = String((await second.ready()).last_stop);
  assert(told.startsWith(lastStop), `${phase}: ${told}`);
  const next = world.client(second);
  const again = await world.pay(next, orderId, key);
  assert(again.ok, phase);
  await world.settled(next, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  await world.quiet(second);
  assertEquals((await second.stop()).code, 0, phase);
  assertEquals(world.effects(), ["charge", "reserve"], phase);
  world.assertLedger();
}

function forceIn(held: Held, signal: "SIGTERM" | "SIGINT"): Promise<void> {
  const { phase } = held;
  const exit = signal === "SIGTERM" ? 143 : 130;
  return endIn(
    held,
    signal,
    async (service) => {
      // The lifecycle tells two signals apart by the time between them.
      await pause(APART_MS);
      assert(
        !service.log.some(({ msg }) => msg === "shutdown complete"),
        phase,
      );
      using sinceSignal = new AwakeTime();
      service.signal(signal);
      const { code } = await ended(service);
      assertLess(sinceSignal.ms, FORCED_WITHIN_MS, phase);
      assertEquals(code, exit, phase);
      const report = service.log.find(({ msg }) => msg === "shutdown complete");
      assertEquals([report?.outcome, report?.forced_by], ["forced", signal]);
      assertEquals(report?.error, undefined, phase);
      assert(Array.isArray(report?.phases));
      const forced = report.phases.filter(({ outcome }) =>
        outcome === "forced"
      );
      assertEquals(forced.map(({ phase }) => phase), [phase]);
      // The loops end with the outbox: nothing publishes or cleans up while what they need is closed.
      if (CLOSING.includes(phase)) assertEquals(report.leftover, [], phase);
    },
    `forced (${signal}, exit code ${exit})`,
    [status.UNAVAILABLE],
  );
}

Deno.test(
  "F04 a second SIGTERM in each phase: forced within 500 ms, 143, nothing lost",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(
      PHASES,
      (held) => whileAwake(() => forceIn(held, "SIGTERM")),
    );
  },
);

Deno.test(
  "F13 SIGKILL in each phase of the stop: nothing lost",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(PHASES, (held) =>
      endIn(
        held,
        "SIGTERM",
        async (service) => {
          if (held.phase === "store") await passed(service, "store:close");
          assertEquals((await service.kill()).signal, "SIGKILL", held.phase);
        },
        // Its report is kept before the store is closed.
        held.phase === "store" ? "clean" : "died",
        // A connection that breaks off is INTERNAL to grpc-js when it ends a stream first.
        [status.UNAVAILABLE, status.INTERNAL],
      ));
  },
);

Deno.test(
  "F04 a second SIGINT while sagas drain: 130",
  { ignore: NO_SIGNALS },
  async () => {
    const sagas = PHASES.filter(({ phase }) => phase === "sagas");
    await inPairs(
      sagas,
      (held) => whileAwake(() => forceIn(held, "SIGINT")),
    );
  },
);

Deno.test(
  "F04 a third signal ends the process at once, although the forced stop hangs",
  { ignore: NO_SIGNALS },
  () =>
    whileAwake(async () => {
      await using world = await World.create();
      const first = await world.start({
        // The first report is the one that the start leaves.
        failpoints:
          "before-call:charge=print+hang;before-write:saveReport#2=hang",
      });
      const client = world.client(first);
      const orderId = await world.order(client);
      const paid = await world.pay(client, orderId);
      assert(paid.ok);
      await passed(first, "before-call:charge");
      first.signal("SIGTERM");
      await pause(APART_MS);
      first.signal("SIGTERM");
      await first.waitForLog("shutdown forced");
      // Repeats of the forcing signal within 50 ms (SAME_FORCE_MS) count as it.
      await pause(60);
      using sinceThird = new AwakeTime();
      first.signal("SIGTERM");
      assertEquals((await ended(first)).code, 143);
      assertLess(sinceThird.ms, 300);
      assert(!first.log.some(({ msg }) => msg === "shutdown complete"));

      const second = await world.start();
      const next = world.client(second);
      await world.settled(next, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
      await second.stop();
      world.assertLedger();
    }),
);

Deno.test("F04 one to three SIGINTs within 5 ms are one stop, exit 0", {
  ignore: NO_SIGNALS,
}, async () => {
  await inPairs([1, 2, 3], async (count) => {
    await using world = await World.create();
    const service = await world.start();
    for (let i = 0; i < count; i++) service.signal("SIGINT");
    assertEquals((await ended(service)).code, 0, `${count}`);
    const started = service.log.filter(({ msg }) => msg === "shutdown started");
    assertEquals(started.length, 1, `${count}`);
    assert(!service.log.some(({ msg }) => msg === "shutdown forced"));
  });
});

Deno.test(
  "F04 a signal that comes when everything is closed changes nothing: exit 0",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs([1, 2, 3, 4], async () => {
      await using world = await World.create();
      const service = await world.start();
      service.signal("SIGINT");
      await service.waitForLog("shutdown complete");
      const end = performance.now() + 5_000;
      while (service.running && performance.now() < end) {
        service.signal("SIGINT");
        await pause(1);
      }
      assertEquals((await ended(service)).code, 0);
    });
  },
);

/** Parts that hang, throw or block while the service stops; errors that nobody caught. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { passed } from "../support/failpoints/process.ts";
import type { LogLine } from "../support/service_output.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { whileAwake } from "./while_awake.ts";
import { ended, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

interface BrokenClose {
  readonly failpoint: string;
  /** The phase that shows it, and how. */
  readonly phase: string;
  readonly outcome: string;
  readonly exit: number;
}

const BROKEN: readonly BrokenClose[] = [
  {
    failpoint: "publisher:close=hang",
    phase: "kafka",
    outcome: "timed_out",
    exit: 0,
  },
  {
    failpoint: "publisher:close=throw",
    phase: "kafka",
    outcome: "failed",
    exit: 0,
  },
  {
    failpoint: "store:close=hang",
    phase: "store",
    outcome: "timed_out",
    exit: 3,
  },
  {
    failpoint: "store:close=throw",
    phase: "store",
    outcome: "failed",
    exit: 3,
  },
  {
    failpoint: "providers:close=hang",
    phase: "store",
    outcome: "timed_out",
    exit: 3,
  },
  {
    failpoint: "before-write:saveReport#2=throw",
    phase: "store",
    outcome: "failed",
    exit: 3,
  },
];

/** The budget of a phase that hangs: what comes before it in that phase, such as the report, has to be done. In ms. */
const HANGS_MS = 2_500;

const PHASES = [
  "unready",
  "grpc",
  "sagas",
  "outbox",
  "http",
  "kafka",
  "store",
];

function complete(service: ServiceProcess): LogLine {
  const line = service.log.find(({ msg }) => msg === "shutdown complete");
  assert(line !== undefined, service.output.join("\n"));
  return line;
}

/** The phases of the report as `name outcome`, without those that are done. */
function notDone(line: LogLine): { phases: string[]; broken: string[] } {
  assert(Array.isArray(line.phases));
  return {
    phases: line.phases.map(({ phase }) => phase),
    broken: line.phases.filter(({ outcome }) => outcome !== "done")
      .map(({ phase, outcome }) => `${phase} ${outcome}`),
  };
}

/** Stops a service with this defect, and starts it again without. */
async function stopBroken(
  { failpoint, phase, outcome, exit }: BrokenClose,
): Promise<void> {
  await using world = await World.create();
  const service = await world.start({
    failpoints: failpoint,
    // Only what hangs is waited for in vain: a pause of the machine breaks no other phase.
    env: outcome === "timed_out"
      ? { [`OMS_${phase.toUpperCase()}_CLOSE_TIMEOUT`]: `${HANGS_MS}ms` }
      : {},
  });
  const client = world.client(service);
  const orderId = await world.order(client);
  const { code, awakeMs } = await service.stop();
  assertEquals(code, exit, failpoint);
  assertLess(awakeMs, HANGS_MS + 2_200, failpoint);
  const { phases, broken } = notDone(complete(service));
  assertEquals(phases, PHASES, failpoint);
  assertEquals(broken, [`${phase} ${outcome}`], failpoint);

  const next = await world.start();
  const lastStop = String((await next.ready()).last_stop);
  // What cannot be written is not known to the next start.
  const kept = !failpoint.startsWith("before-write");
  assert(lastStop.startsWith(kept ? "clean" : "died"), lastStop);
  const { order } = await world.client(next).getOrder({ orderId });
  assertEquals(order?.id, orderId);
  await world.quiet(next);
  assertEquals((await next.stop()).code, 0, failpoint);
  world.assertLedger();
}

Deno.test(
  "F08 a close that hangs or throws: the later phases run, the report names it",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(BROKEN, (broken) => whileAwake(() => stopBroken(broken)));
  },
);

Deno.test(
  "F08 a saga that ignores its signal: cut off and named, the later phases run, the next start settles it",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-call:charge=print+hang",
      env: { OMS_SAGA_DRAIN_TIMEOUT: "200ms" },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    await world.pay(client, orderId);
    await passed(service, "before-call:charge");
    const { code } = await service.stop();
    assertEquals(code, 3);
    const line = complete(service);
    assertEquals(notDone(line), {
      phases: PHASES,
      broken: ["sagas timed_out"],
    });
    const drained = service.log.find(({ msg }) => msg === "sagas drained");
    assertEquals(drained?.still_running, 1);
    assert(Array.isArray(line.leftover));
    const [left] = line.leftover;
    assertEquals([left.task, left.order_id, left.step], [
      `sagas/pay/${orderId}`,
      orderId,
      "charge",
    ]);
    await assertSettles(world, orderId, ["charge", "reserve"]);
  },
);

Deno.test(
  "F15 an event loop that blocks for 3 s while draining: the watchdog reports meanwhile, the stop goes on",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const terminationLog = `${world.dir}/termination-log`;
    const service = await world.start({
      failpoints: "publisher:close=block:3000",
      env: { ...shortBudgets(), OMS_TERMINATION_LOG: terminationLog },
    });
    const { code } = await service.stop();
    assertEquals(code, 0);
    const fired = service.log.findIndex(({ msg }) =>
      msg === "shutdown watchdog fired"
    );
    const closed = service.log.findIndex(({ msg }) => msg === "kafka closed");
    assert(fired >= 0, service.output.join("\n"));
    const line = service.log[fired];
    assertEquals([line?.reason, line?.outcome, line?.mode], [
      "SIGTERM",
      "overdue",
      "report",
    ]);
    assertEquals(line?.phases, [
      { phase: "kafka", outcome: "running", duration_ms: -1 },
    ]);
    assert(closed >= 0);
    // The orderly report has replaced the watchdog's.
    const { outcome } = JSON.parse(await Deno.readTextFile(terminationLog));
    assertEquals(outcome, "clean");
  },
);

Deno.test(
  "F15 an event loop that blocks for 60 s while draining: a watchdog that may kill does, nothing is lost",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const terminationLog = `${world.dir}/termination-log`;
    const service = await world.start({
      failpoints: "before-call:charge=print+until-sigterm+block:60000",
      env: {
        ...shortBudgets(),
        OMS_WATCHDOG: "kill",
        OMS_TERMINATION_LOG: terminationLog,
      },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    await world.pay(client, orderId);
    await passed(service, "before-call:charge");
    const { signal, awakeMs } = await service.stop("SIGTERM");
    assertEquals(signal, "SIGKILL");
    assertLess(awakeMs, 6_000);
    const { outcome, exit_code } = JSON.parse(
      await Deno.readTextFile(terminationLog),
    );
    assertEquals([outcome, exit_code], ["overdue", 137]);
    await assertSettles(world, orderId, ["charge", "reserve"]);
  },
);

const FATAL = [
  "publish:before#2=reject",
  "publish:before#2=uncaught",
  // Both lanes have read once by the time the service is ready.
  "before-read:outbox#3=throw",
];

Deno.test(
  "F16 what nobody catches in a background loop: an ordered stop, exit 1, nothing lost",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(FATAL, async (failpoints) => {
      await using world = await World.create();
      const service = await world.start({ failpoints });
      const client = world.client(service);
      const key = world.newKey();
      const created = await world.create(client, key);
      if (created.ok) await world.pay(client, created.orderId);
      assertEquals((await ended(service)).code, 1, failpoints);
      const line = complete(service);
      assertEquals(
        [line.reason, line.outcome],
        ["fatal", "failed"],
        failpoints,
      );
      assert(String(line.error).includes("Failpoint"), String(line.error));
      assertEquals(notDone(line), { phases: PHASES, broken: [] }, failpoints);

      const next = await world.start();
      assertEquals(
        (await next.ready()).last_stop,
        "failed (fatal, exit code 1)",
      );
      await world.create(world.client(next), key);
      await world.quiet(next);
      await next.stop();
      world.assertLedger();
    });
  },
);

/** So that the watchdog's time comes soon: budgets and 1.5 s. */
function shortBudgets(): Record<string, string> {
  const names = [
    "GRPC_GRACEFUL",
    "SAGA_DRAIN",
    "OUTBOX_FLUSH",
    "HTTP_SHUTDOWN",
    "KAFKA_CLOSE",
    "STORE_CLOSE",
  ];
  return Object.fromEntries(
    names.map((name) => [`OMS_${name}_TIMEOUT`, "100ms"]),
  );
}

async function assertSettles(
  world: World,
  orderId: string,
  effects: readonly string[],
): Promise<void> {
  const next = await world.start();
  await world.settled(
    world.client(next),
    orderId,
    OrderStatus.ORDER_STATUS_CONFIRMED,
  );
  await world.quiet(next);
  assertEquals((await next.stop()).code, 0);
  assertEquals(world.effects(), effects);
  world.assertLedger();
}

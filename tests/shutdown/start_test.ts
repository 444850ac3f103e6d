/** A stop that comes while the service starts: what has started is rolled back, in reverse. */
import { assert, assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import type { LogLine } from "../support/service_output.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { lastReport } from "./last_report.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS, NOT_LINUX } from "./platform.ts";
import { BEFORE_STORE, START_POINTS, STEPS } from "./start_points.ts";
import { ended, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const noReady = ({ msg }: LogLine) => msg === "ready";

/** The rollbacks that the process has reported. */
function rolledBack(service: ServiceProcess): unknown[] {
  return service.log.filter(({ msg }) => msg === "rolled back")
    .map(({ phase, outcome }) => `${phase} ${outcome}`);
}

/** @param lastStop what the next start has to say of the one before it */
async function assertStartsAgain(
  world: World,
  lastStop = "none",
): Promise<void> {
  const service = await world.start();
  assertEquals((await service.ready()).last_stop, lastStop);
  const client = world.client(service);
  const orderId = await world.order(client);
  await world.pay(client, orderId);
  await world.settled(
    client,
    orderId,
    OrderStatus.ORDER_STATUS_CONFIRMED,
  );
  assertEquals((await service.stop()).code, 0);
  world.assertLedger();
}

Deno.test(
  "F02 SIGTERM in the first line of the shipped entry point: exit 0, nothing started",
  { ignore: NOT_LINUX },
  async () => {
    await using world = await World.create();
    const service = world.spawn();
    await listens(service.pid);
    const { code } = await service.stop("SIGTERM");
    assertEquals(code, 0);
    await assertStartsAgain(world);
  },
);

Deno.test("F02 SIGTERM before anything is imported: exit 0, no step runs", {
  ignore: NO_SIGNALS,
}, async () => {
  await using world = await World.create();
  const service = world.spawn({ failpoints: "first-line=sigterm" });
  assertEquals((await ended(service)).code, 0);
  assert(!service.log.some(noReady));
  assertEquals(rolledBack(service), []);
  await assertStartsAgain(world);
});

Deno.test(
  "F02 SIGTERM at each step of the start: rolled back in reverse, exit 0, the next start is fine",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const seen = new Map<string, unknown[]>();
    // One after the other: all of them in the same directory, as restarts are.
    for (const point of START_POINTS) {
      const service = world.spawn({ failpoints: `${point}=sigterm` });
      const { code } = await ended(service);
      assertEquals(code, 0, `${point}:\n${service.output.join("\n")}`);
      assert(!service.log.some(noReady), point);
      const last = service.log.at(-1);
      assertEquals(last?.msg, "shutdown complete", point);
      assertEquals(last?.outcome, "clean", point);
      // Its own record, not one that says `died`, nor one from before.
      const { outcome, started_at } = await lastReport(world.dataDir) ?? {};
      assertEquals(
        [outcome, started_at],
        BEFORE_STORE.includes(point)
          ? [undefined, undefined]
          : ["clean", last?.started_at],
        point,
      );
      seen.set(point, rolledBack(service));
    }
    const all = [
      "sagas",
      "background",
      "providers",
      "publisher",
      "store",
      "http",
    ]
      .map((name) => `rollback/${name} done`);
    for (const [i, step] of STEPS.entries()) {
      const before = STEPS.slice(0, i).reverse()
        .filter((name) => name !== "last-stop")
        .map((name) => `rollback/${name} done`);
      assertEquals(seen.get(`start:${step}`), before, step);
    }
    assertEquals(seen.get("start:grpc"), all);
    await assertStartsAgain(world, "clean (SIGTERM, exit code 0)");
  },
);

Deno.test(
  "F02 SIGTERM while a step of the start hangs: given up after 2 s, the rest rolled back",
  { ignore: NO_SIGNALS },
  async () => {
    const points = ["start:sagas", "before-read:lastReport"];
    await inPairs(points, async (point) => {
      await using world = await World.create();
      const service = world.spawn({ failpoints: `${point}=print+hang` });
      await service.waitForLog((line) => line.point === point);
      const { code, awakeMs } = await service.stop("SIGTERM");
      assertEquals(code, 0, service.output.join("\n"));
      assert(awakeMs < 4_000, `${awakeMs}`);
      await assertStartsAgain(world, "clean (SIGTERM, exit code 0)");
    });
  },
);

Deno.test(
  "F02 SIGTERM over sagas that the start has taken up: handed back, resumed by the next",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const first = await world.start({ failpoints: "before-call:charge=kill" });
    const client = world.client(first);
    const orderId = await world.order(client);
    await world.pay(client, orderId);
    await ended(first);
    const second = world.spawn({ failpoints: "start:grpc=sigterm" });
    assertEquals((await ended(second)).code, 0);
    const third = await world.start();
    await world.settled(
      world.client(third),
      orderId,
      OrderStatus.ORDER_STATUS_CONFIRMED,
    );
    await third.stop();
    assertEquals(world.effects(), ["charge", "reserve"]);
    world.assertLedger();
  },
);

/**
 * Waits until the service listens for its signals, as the kernel sees it. SIGUSR2 is the last of them; SIGTERM's
 * own bit says too little: with the first listener of all, the runtime catches it for purposes of its own.
 */
async function listens(pid: number): Promise<void> {
  const SIGUSR2 = 1n << 11n;
  const end = performance.now() + 10_000;
  for (;;) {
    // Deno reads /proc only with every permission, grep needs none of ours.
    const { stdout } = await new Deno.Command("grep", {
      args: ["SigCgt", `/proc/${pid}/status`],
    }).output();
    const status = new TextDecoder().decode(stdout);
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    if ((BigInt(`0x${caught}`) & SIGUSR2) !== 0n) return;
    if (performance.now() > end) throw new Error("no listener of signals");
  }
}

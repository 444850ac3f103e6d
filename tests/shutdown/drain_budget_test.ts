/** Work that is longer than its budget, and calls on either side of the moment when sagas are no longer taken on. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { passed } from "../support/failpoints/process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import type { Outcome } from "./recorded_calls.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const { ORDER_STATUS_CONFIRMED, ORDER_STATUS_PENDING } = OrderStatus;
const codeOf = (outcome: Outcome) => outcome.ok ? status.OK : outcome.code;

for (const mode of ["hang", "hang_after"] as const) {
  const what = mode === "hang" ? "" : " although it took effect";
  Deno.test(
    `F20 a payment that hangs${what}: exit 3 at the drain budget, named in the report, resumed, one charge`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      world.payment.setKnobs({ unknown_rate: 1, unknown_modes: [mode] });
      const drainMs = 400;
      const first = await world.start({
        env: {
          OMS_PROVIDER_TIMEOUT: "30s",
          OMS_SAGA_DRAIN_TIMEOUT: `${drainMs}ms`,
        },
      });
      const client = world.client(first);
      const orderId = await world.order(client);
      await world.pay(client, orderId);
      await arrived(world);
      const { code, durationMs, awakeMs } = await first.stop();
      assertEquals(code, 3);
      assert(durationMs > drainMs, `${durationMs}`);
      assertLess(awakeMs, drainMs + 1_500);
      const drained = first.log.find(({ msg }) => msg === "sagas drained");
      assertEquals([drained?.outcome, drained?.still_running], [
        "timed_out",
        0,
      ]);
      const report = first.log.find(({ msg }) => msg === "shutdown complete");
      assert(Array.isArray(report?.leftover));
      assertEquals(report.leftover.length, 1);
      const [left] = report.leftover;
      assertEquals([left.task, left.order_id, left.step], [
        `sagas/pay/${orderId}`,
        orderId,
        "charge",
      ]);
      assert(left.age_ms >= drainMs, `${left.age_ms}`);
      assertEquals(typeof left.correlation_id, "string");
      assertEquals(report.exit_code, 3);

      world.payment.setKnobs({ unknown_rate: 0 });
      const second = await world.start();
      const ready = await second.ready();
      assertEquals(ready.resumed_sagas, 1);
      assertEquals(ready.last_stop, "cut_off (SIGTERM, exit code 3)");
      await world.settled(
        world.client(second),
        orderId,
        ORDER_STATUS_CONFIRMED,
      );
      const metrics = await metricsOf(second);
      const info =
        'oms_last_shutdown_info{reason="SIGTERM",outcome="cut_off",exit_code="3"}';
      assertEquals(metrics.get(info), 1);
      assertEquals(metrics.get("oms_last_shutdown_leftover_sagas"), 1);
      assertEquals(metrics.get("oms_sagas_resumed_total"), 1);
      const took = metrics.get(
        'oms_last_shutdown_phase_duration_seconds{phase="sagas"}',
      );
      assert((took ?? 0) >= drainMs / 1_000, `${took}`);
      assertEquals((await second.stop()).code, 0);
      assertEquals(world.effects(), ["charge", "reserve"]);
      world.assertLedger();
    },
  );
}

/** Waits until the charge is with the payment provider. */
async function arrived(world: World): Promise<void> {
  await until(
    "a charge",
    () => world.payment.stats.answers.none !== undefined,
  );
}

Deno.test(
  "F21 a pay whose commit runs when the signal comes: OK, and its saga runs in the drain",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-commit:accept-pay=print+until-sigterm",
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    const paying = world.pay(client, orderId);
    await passed(service, "before-commit:accept-pay");
    assertEquals((await service.stop()).code, 0);
    assertEquals(codeOf(await paying), status.OK);
    const drained = service.log.find(({ msg }) => msg === "sagas drained");
    assertEquals(drained?.outcome, "done");
    assertEquals(world.effects(), ["charge", "reserve"]);
    world.assertLedger();
  },
);

interface Late {
  readonly name: string;
  readonly point: string;
  readonly passage: number;
  /** Whether the pay is on record in the end. */
  readonly written: boolean;
}

const LATE: readonly Late[] = [
  {
    name: "a pay that is decided after sagas are no longer taken on",
    // The first is the create's.
    point: "before-read:answer",
    passage: 2,
    written: false,
  },
  {
    name: "a pay that was given up before its commit began",
    point: "before-commit:accept-pay",
    passage: 1,
    written: false,
  },
  {
    name: "a pay that has committed when its call is given up",
    point: "after-commit:accept-pay",
    passage: 1,
    written: true,
  },
];

for (const { name, point, passage, written } of LATE) {
  const then = written ? "resumed by the next start" : "nothing written";
  Deno.test(`F21 ${name}: UNAVAILABLE, ${then}, its key works`, {
    ignore: NO_SIGNALS,
  }, async () => {
    await using world = await World.create();
    const [release, close] = [`${world.dir}/release`, `${world.dir}/close`];
    const service = await world.start({
      failpoints: [
        `${point}#${passage}=print+wait:${release}`,
        `publisher:close=print+wait:${close}`,
        // A look at the table, every second, would find the saga before the group closes.
        "before-read:dueSagas#2=hang",
      ].join(";"),
      env: { OMS_GRPC_GRACEFUL_TIMEOUT: "200ms" },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    const key = world.newKey();
    const paying = world.pay(client, orderId, key);
    await passed(service, point, passage);
    const stopped = service.stop();
    // The call outlives its phase and is answered for; then the sagas' group closes.
    assertEquals(codeOf(await paying), status.UNAVAILABLE);
    await passed(service, "publisher:close");
    await Deno.writeTextFile(release, "");
    await service.waitForLog((line) =>
      line.msg === "failpoint released" && line.point === point
    );
    await Deno.writeTextFile(close, "");
    assertEquals((await stopped).code, 3);

    const next = await world.start();
    assertEquals((await next.ready()).resumed_sagas, written ? 1 : 0);
    const after = world.client(next);
    if (!written) {
      const { order } = await after.getOrder({ orderId });
      assertEquals([order?.status, order?.version], [
        ORDER_STATUS_PENDING,
        1n,
      ]);
    }
    const retry = await world.pay(after, orderId, key);
    assert(retry.ok);
    await world.settled(after, orderId, ORDER_STATUS_CONFIRMED);
    await world.quiet(next);
    assertEquals((await next.stop()).code, 0);
    assertEquals(world.effects(), ["charge", "reserve"]);
    world.assertLedger();
  });
}

Deno.test(
  "F22 a key repeated while the service drains gets its stored answer",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({ env: { OMS_LAME_DUCK: "1s" } });
    const client = world.client(service);
    const orderId = await world.order(client);
    const key = world.newKey();
    const paid = await world.pay(client, orderId, key);
    assert(paid.ok);
    const stopped = service.stop();
    await service.waitForLog("readiness off");
    assertEquals(await world.pay(client, orderId, key), paid);
    assert(!service.log.some(({ msg }) => msg === "grpc stopped"));
    assertEquals((await stopped).code, 0);
    world.assertLedger();
  },
);

Deno.test(
  "more leftovers than a termination log holds: valid JSON within 4 KiB, the rest counted",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const sagas = 60;
    const terminationLog = `${world.dir}/termination-log`;
    const service = await world.start({
      failpoints: "before-call:reserve#*=print+hang",
      env: {
        OMS_SAGA_DRAIN_TIMEOUT: "100ms",
        OMS_TERMINATION_LOG: terminationLog,
      },
    });
    const client = world.client(service);
    for (let i = 0; i < sagas; i++) {
      await world.pay(client, await world.order(client));
    }
    await passed(service, "before-call:reserve", sagas);
    assertEquals((await service.stop()).code, 3);
    const bytes = await Deno.readFile(terminationLog);
    assert(bytes.length <= 4_096, `${bytes.length}`);
    const { exit_code, leftover, leftover_omitted } = JSON.parse(
      new TextDecoder().decode(bytes),
    );
    assertEquals(exit_code, 3);
    assert(leftover.length > 0);
    assertEquals(leftover.length + leftover_omitted, sagas);
    const report = service.log.find(({ msg }) => msg === "shutdown complete");
    assert(Array.isArray(report?.leftover));
    assertEquals(report.leftover.length, sagas);
  },
);

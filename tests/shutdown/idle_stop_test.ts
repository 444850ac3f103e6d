/** The plain stop of an idle service, as the shipped command starts it. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** The fixed texts of docs/operations.md, in order. */
const STOP_LINES = [
  "shutdown started",
  "readiness off",
  "grpc stopped",
  "sagas drained",
  "outbox flushed",
  "http stopped",
  "kafka closed",
  "store closed",
  "shutdown complete",
];

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(
    `F01 ${signal} to an idle service: exit 0 within a second, the log in its fixed order`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const terminationLog = `${world.dir}/termination-log`;
      const service = await world.start({
        env: { OMS_TERMINATION_LOG: terminationLog },
      });
      const { code, awakeMs } = await service.stop(signal);
      assertEquals(code, 0);
      assertLess(awakeMs, 1_000);
      const lines = service.log.slice(
        service.log.findIndex(({ msg }) => msg === "shutdown started"),
      );
      assertEquals(lines.map(({ msg }) => msg), STOP_LINES);
      for (const { msg, outcome, duration_ms } of lines.slice(2, -1)) {
        assertEquals(outcome, "done", msg);
        assertEquals(typeof duration_ms, "number", msg);
      }
      const report = lines.at(-1);
      assertEquals(report?.reason, signal);
      assertEquals(report?.exit_code, 0);
      assertEquals(report?.leftover, []);
      // Every line of the output is the log's: nothing was held up, nothing warned.
      assertEquals(service.output.length, service.log.length);

      const kept = await Deno.readFile(terminationLog);
      assert(kept.length <= 4_096);
      const { reason, exit_code, phases } = JSON.parse(
        new TextDecoder().decode(kept),
      );
      assertEquals({ reason, exit_code }, { reason: signal, exit_code: 0 });
      assertEquals(
        phases.map(({ phase }: { phase: string }) => phase),
        ["unready", "grpc", "sagas", "outbox", "http", "kafka", "store"],
      );
    },
  );
}

Deno.test("the next start tells how the last process stopped", {
  ignore: NO_SIGNALS,
}, async () => {
  await using world = await World.create();
  const first = await world.start();
  assertEquals((await first.ready()).last_stop, "none");
  await first.stop("SIGINT");
  const second = await world.start();
  assertEquals((await second.ready()).last_stop, "clean (SIGINT, exit code 0)");
  const metrics = await (await fetch(`http://${second.httpAddress}/metrics`))
    .text();
  assert(
    metrics.includes(
      'oms_last_shutdown_info{reason="SIGINT",outcome="clean",exit_code="0"} 1',
    ),
    metrics,
  );
  await second.kill();
  const third = await world.start();
  assertEquals((await third.ready()).last_stop, "died (unknown, exit code -1)");
});

Deno.test("SIGQUIT lists every task with its age and step, and stops nothing", {
  ignore: NO_SIGNALS,
}, async () => {
  await using world = await World.create();
  const service = await world.start({
    failpoints: "before-call:charge=print+hang",
  });
  const client = world.client(service);
  const orderId = await world.order(client);
  await world.pay(client, orderId);
  await service.waitForLog(({ point }) => point === "before-call:charge");
  service.signal("SIGQUIT");
  const task = await service.waitForLog((line) =>
    line.msg === "task" && line.task === `sagas/pay/${orderId}`
  );
  assertEquals(task.order_id, orderId);
  assertEquals(task.step, "charge");
  assertEquals(typeof task.age_ms, "number");
  const dump = await service.waitForLog("task dump");
  assertEquals(dump.state, "Ready");
  const answer = await client.getOrder({ orderId });
  assertEquals(answer.order?.id, orderId);
});

/** SIGTERM while clients are at work. */
import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import type { OrderClient } from "../../src/grpc/client.ts";
import { passed } from "../support/failpoints/process.ts";
import type { ServiceProcess } from "../support/service_process.ts";
import { NO_PHASE_ENDS } from "./patient_budgets.ts";
import { NO_SIGNALS, WEAKER_RUNTIME } from "./platform.ts";
import type { Outcome } from "./recorded_calls.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CLIENTS = 32;

const codeOf = (outcome: Outcome) => outcome.ok ? status.OK : outcome.code;

Deno.test(
  "F03 SIGTERM while 32 calls run: all of them end OK, later ones are served or UNAVAILABLE",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints: "before-commit:create#*=print+until-sigterm",
    });
    const clients = Array.from(
      { length: CLIENTS },
      () => world.client(service),
    );
    const running = clients.map((client) => world.create(client));
    await passed(service, "before-commit:create", CLIENTS);
    const stopped = service.stop();
    await service.waitForLog("readiness off");
    const askAll = () =>
      Promise.all(
        clients.map((client) =>
          client.getOrder({ orderId: "ord_late" })
            .then(() => "OK", ({ code }) => String(status[code]))
        ),
      );
    const later = await askAll();
    const outcomes = await Promise.all(running);
    assertEquals(outcomes.map(codeOf), Array(CLIENTS).fill(status.OK));
    // What comes before its client has heard of the stop is served.
    const others = later.filter((code) =>
      code !== "NOT_FOUND" && code !== "UNAVAILABLE"
    );
    assertEquals(others, []);
    assertEquals((await stopped).code, 0);
    assertEquals(await askAll(), Array(CLIENTS).fill("UNAVAILABLE"));
    const grpc = service.log.find(({ msg }) => msg === "grpc stopped");
    assertEquals([grpc?.inflight, grpc?.outcome], [CLIENTS, "done"]);
    world.assertLedger();
  },
);

Deno.test(
  "F03 SIGTERM under 32 clients: only OK and UNAVAILABLE, never CANCELLED; the publisher closes after the last saga",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      failpoints:
        "after-commit:end#*=print;publisher:close=print;publisher:closed=print",
    });
    const codes = new Map<status, number>();
    const enough = Promise.withResolvers<void>();
    const note = (outcome: Outcome): Outcome => {
      const code = codeOf(outcome);
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if ((codes.get(status.OK) ?? 0) > 10 * CLIENTS) enough.resolve();
      return outcome;
    };
    let signalled = false;
    const atWork = async (client: OrderClient) => {
      for (let refused = 0; refused < 2;) {
        const created = note(await world.create(client));
        if (created.ok) note(await world.pay(client, created.orderId));
        else if (signalled) refused += 1;
      }
    };
    const clients = Array.from(
      { length: CLIENTS },
      () => world.client(service),
    );
    const all = Promise.all(clients.map(atWork));
    await enough.promise;
    const stopped = service.stop();
    signalled = true;
    await all;
    const { code, awakeMs } = await stopped;
    assertEquals(code, 0, service.output.slice(-20).join("\n"));
    assert(awakeMs < 10_000, `${awakeMs}`);
    // A connection that 2.7 ends can be one that the client's next write breaks: `write EPIPE`.
    if (WEAKER_RUNTIME) codes.delete(status.INTERNAL);
    assertEquals([...codes.keys()].sort(), [status.OK, status.UNAVAILABLE]);

    const points = service.log.filter(({ msg }) => msg === "failpoint")
      .map(({ point }) => point);
    assert(points.includes("after-commit:end"), "no saga ended");
    assertEquals(points.slice(-2), ["publisher:close", "publisher:closed"]);
    const messages = service.log.map(({ msg }) => msg);
    assert(
      messages.indexOf("sagas drained") < messages.indexOf("kafka closed"),
    );

    const next = await world.start();
    await world.quiet(next);
    assertEquals((await next.stop()).code, 0);
    world.assertLedger();
  },
);

Deno.test(
  "F03 all four HTTP endpoints answer while calls end, sagas drain and the outbox is flushed",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const release = (name: string) => `${world.dir}/${name}`;
    const service = await world.start({
      failpoints: [
        `before-read:order=print+wait:${release("grpc")}`,
        `before-call:charge=print+wait:${release("sagas")}`,
        // Once it waits here the stop is in its outbox phase: the lane comes back for more.
        `publish:before#2=print+wait:${release("outbox")}`,
      ].join(";"),
      env: NO_PHASE_ENDS,
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    // Held at its first read, and with it the grpc phase.
    const call = world.pay(client, orderId);
    await passed(service, "before-read:order");
    const stopped = service.stop();
    await service.waitForLog("readiness off");

    await assertEndpoints(service, {
      before: "grpc stopped",
      rpcs: 1,
      sagas: 0,
    });
    await Deno.writeTextFile(release("grpc"), "");
    assertEquals(codeOf(await call), status.OK);
    await service.waitForLog("grpc stopped");
    await passed(service, "before-call:charge");

    await assertEndpoints(service, {
      before: "sagas drained",
      rpcs: 0,
      sagas: 1,
    });
    await Deno.writeTextFile(release("sagas"), "");
    await service.waitForLog("sagas drained");
    await passed(service, "publish:before", 2);

    await assertEndpoints(service, {
      before: "outbox flushed",
      rpcs: 0,
      sagas: 0,
    });
    await Deno.writeTextFile(release("outbox"), "");
    const { code } = await stopped;
    assertEquals(code, 0, service.output.join("\n"));
    world.assertLedger();
  },
);

async function assertEndpoints(
  service: ServiceProcess,
  during: { before: string; rpcs: number; sagas: number },
): Promise<void> {
  const get = async (path: string) => {
    const answer = await fetch(`http://${service.httpAddress}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  assertEquals(await get("/livez"), { status: 200, text: "ok" });
  const readyz = await get("/readyz");
  assertEquals(readyz.status, 503);
  assertEquals(JSON.parse(readyz.text).state, "Draining");
  const healthz = await get("/healthz");
  assertEquals(healthz.status, 200, healthz.text);
  assertEquals(JSON.parse(healthz.text).status, "healthy");
  const metrics = await metricsOf(service);
  assertEquals(metrics.get('oms_lifecycle_state{state="Draining"}'), 1);
  assertEquals(metrics.get("oms_shutdown_inflight_rpcs"), during.rpcs);
  assertEquals(metrics.get("oms_shutdown_inflight_sagas"), during.sagas);
  assert((metrics.get("oms_shutdown_duration_seconds") ?? 0) > 0);
  const ended = [...metrics.keys()].filter((name) =>
    name.startsWith("oms_shutdown_phase_duration_seconds")
  );
  assert(ended.length > 0, "no phase is measured");
  // The phase was still open when the last of them had answered.
  assert(!service.log.some(({ msg }) => msg === during.before));
}

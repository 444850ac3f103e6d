/** The lame duck: nobody new is to come, and whoever is there is served as before. */
import { assert, assertEquals } from "@std/assert";
import { credentials } from "@grpc/grpc-js";
import {
  HealthCheckResponse_ServingStatus as Serving,
  HealthClient,
} from "../../src/grpc/gen/grpc/health/v1/health.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

function check(client: HealthClient, service: string): Promise<Serving> {
  return new Promise((resolve, reject) =>
    client.check(
      { service },
      (error, answer) => error ? reject(error) : resolve(answer.status),
    )
  );
}

Deno.test(
  "F03 in the lame duck readiness is 503 and gRPC health NOT_SERVING, a Watch hears it, and calls are served",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    // Longer than any test: it is killed in the middle of it.
    const service = await world.start({
      env: { OMS_LAME_DUCK: "30s", OMS_TERMINATION_GRACE: "60s" },
    });
    const client = world.client(service);
    const orderId = await world.order(client);
    const health = new HealthClient(
      service.grpcAddress,
      credentials.createInsecure(),
      { "grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0 },
    );
    const seen: Serving[] = [];
    const watch = health.watch({ service: "oms.v1.OrderService" });
    watch.on("data", (answer: { status: Serving }) => seen.push(answer.status));
    watch.on("error", () => {
      // Its end is not what this is about.
    });
    await until("the Watch is answered", () => seen.length === 1);

    service.signal("SIGTERM");
    await service.waitForLog("readiness off");
    await until("the Watch hears of it", () => seen.length === 2);
    assertEquals(seen, [Serving.SERVING, Serving.NOT_SERVING]);
    for (const name of ["", "oms.v1.OrderService"]) {
      assertEquals(await check(health, name), Serving.NOT_SERVING, name);
    }
    const ready = await fetch(`http://${service.httpAddress}/readyz`);
    assertEquals(ready.status, 503);
    await ready.body?.cancel();
    assert((await world.pay(client, orderId)).ok);
    // A client that has not heard of it may still connect.
    assert((await world.create(world.client(service))).ok);
    assert(!service.log.some(({ msg }) => msg === "grpc stopped"));
    assertEquals(seen.length, 2);
    await service.kill();
    health.close();
  },
);

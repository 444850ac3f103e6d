/** What a service that runs shows of itself, to whoever starts it and whoever scrapes it. */
import { assertEquals } from "@std/assert";
import { credentials } from "@grpc/grpc-js";
import { HealthClient } from "../../src/grpc/gen/grpc/health/v1/health.ts";
import { until } from "../support/until.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("calls of health and reflection are counted under their own names and types", async () => {
  await using world = await World.create();
  const service = await world.start();
  const health = new HealthClient(
    service.grpcAddress,
    credentials.createInsecure(),
    { "grpc.use_local_subchannel_pool": 1 },
  );
  try {
    await new Promise<void>((resolve, reject) =>
      health.check(
        { service: "" },
        (error) => error ? reject(error) : resolve(),
      )
    );
    const watch = health.watch({ service: "" });
    await new Promise((resolve) => watch.once("data", resolve));
    const ended = new Promise((resolve) => watch.once("close", resolve));
    watch.on("error", () => {
      // Its own cancel.
    });
    watch.cancel();
    await ended;
    const series = (name: string, labels: string, code = "") =>
      `grpc_server_${name}_total{${labels}${code && `,grpc_code="${code}"`}}`;
    const check =
      'grpc_type="unary",grpc_service="grpc.health.v1.Health",grpc_method="Check"';
    const watched =
      'grpc_type="server_stream",grpc_service="grpc.health.v1.Health",grpc_method="Watch"';
    let metrics = await metricsOf(service);
    await until("the end of the Watch is counted", async () => {
      metrics = await metricsOf(service);
      return metrics.get(series("handled", watched, "Canceled")) === 1;
    });
    assertEquals(metrics.get(series("started", check)), 1);
    assertEquals(metrics.get(series("handled", check, "OK")), 1);
    assertEquals(metrics.get(series("msg_sent", watched)), 1);
    const services = new Set(
      [...metrics.keys()].flatMap((name) =>
        /grpc_service="(.*?)"/.exec(name)?.[1] ?? []
      ),
    );
    assertEquals([...services].toSorted(), [
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "oms.v1.OrderService",
    ]);
  } finally {
    health.close();
  }
});

Deno.test(
  "the addresses of the ready line can be dialled as they stand, with IPv6, too",
  {
    ignore: !hasIPv6(),
  },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      env: { OMS_GRPC_ADDR: "[::1]:0", OMS_METRICS_ADDR: "[::1]:0" },
    });
    const answer = await fetch(`http://${service.httpAddress}/readyz`);
    assertEquals(await answer.json(), { state: "Ready" });
    await world.order(world.client(service));
  },
);

function hasIPv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

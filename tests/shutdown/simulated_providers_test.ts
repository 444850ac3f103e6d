/** A service whose providers are simulated says so wherever an operator looks. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ServiceProcess } from "../support/service_process.ts";
import { World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** What log, ready line, /healthz and /metrics say. */
async function told(service: ServiceProcess) {
  const { payment, inventory } = await service.ready();
  const get = (path: string) => fetch(`http://${service.httpAddress}${path}`);
  const { status, checks } = await (await get("/healthz")).json();
  const metrics = await (await get("/metrics")).text();
  return {
    warnings: service.log.filter(({ level }) => level === "warn")
      .map(({ msg, simulated }) => `${msg} (${simulated})`),
    ready: { payment, inventory },
    health: [status, checks.providers.status, checks.providers.message],
    metrics: metrics.split("\n")
      .filter((line) => line.startsWith("oms_provider_simulated{"))
      .map((line) => line.slice("oms_provider_simulated".length)),
  };
}

Deno.test("simulated providers are told at the start, in ready, in /healthz and as a metric", async () => {
  await using world = await World.create();
  const env = { OMS_PAYMENT_URL: "", OMS_INVENTORY_URL: "" };
  const service = await world.start({ env });
  assertEquals(await told(service), {
    warnings: [
      "providers simulated, no money moves (payment, inventory)",
    ],
    ready: { payment: "simulated", inventory: "simulated" },
    health: [
      "healthy",
      "healthy",
      "payment and inventory simulated, no money moves",
    ],
    metrics: ['{provider="payment"} 1', '{provider="inventory"} 1'],
  });
});

Deno.test("one simulated provider is told by its name, and none is told of where there is none", async () => {
  await using world = await World.create();
  const half = await world.start({ env: { OMS_INVENTORY_URL: "" } });
  assertEquals(await told(half), {
    warnings: ["providers simulated, nothing is reserved (inventory)"],
    ready: { payment: world.payment.url, inventory: "simulated" },
    health: [
      "healthy",
      "healthy",
      "inventory simulated, nothing is reserved",
    ],
    metrics: ['{provider="payment"} 0', '{provider="inventory"} 1'],
  });
  await half.stop();
  const whole = await world.start({ env: { OMS_PAYMENT_TOKEN: "hunter2" } });
  assertEquals(await told(whole), {
    warnings: [],
    ready: { payment: world.payment.url, inventory: world.inventory.url },
    health: [
      "healthy",
      "healthy",
      "payment and inventory are called over HTTP",
    ],
    metrics: ['{provider="payment"} 0', '{provider="inventory"} 0'],
  });
  assertStringIncludes(whole.output.join("\n"), "ready");
  assert(!whole.output.join("\n").includes("hunter2"));
});

/**
 * A normal stop ends the process because nothing is left. Here the service runs
 * in the test's own process, under its sanitizers: a timer, a listener, a file, a
 * worker or an operation that stayed would fail the test.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Server } from "node:net";
import { createOrderClient } from "../../src/grpc/client.ts";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { freePort } from "../support/free_port.ts";
import { type Addresses, inThisProcess } from "../support/in_process.ts";

// Off by default since Deno 2.8.
Deno.test.sanitizer({ ops: true, resources: true });

async function serveOne({ grpc, http }: Addresses): Promise<void> {
  using client = createOrderClient(grpc);
  const { order } = await client.createOrder({
    customerId: "customer-1",
    currency: "EUR",
    items: [{
      sku: "sku-1",
      qty: 1,
      price: { currency: "EUR", amountMinor: 500n },
    }],
  }, { idempotencyKey: "create" });
  const orderId = order?.id ?? "";
  const paid = await client.payOrder({ orderId }, { idempotencyKey: "pay" });
  assertEquals(paid.status, OrderStatus.ORDER_STATUS_PENDING);
  const health = await fetch(`http://${http}/healthz`);
  assertEquals((await health.json()).status, "healthy");
  const metrics = await fetch(`http://${http}/metrics`);
  assert((await metrics.text()).includes("oms_saga_started_total 1"));
}

const STORES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sqlite: {},
  memory: {
    OMS_STORAGE_DRIVER: "memory",
    OMS_ALLOW_MEMORY_STORAGE: "true",
  },
};

for (const [name, env] of Object.entries(STORES)) {
  Deno.test(`a normal stop leaves no timer, listener, file or worker behind: ${name}`, async () => {
    const { report, lines } = await inThisProcess(env, serveOne);
    assertEquals(report.outcome, "clean");
    assertEquals(report.exitCode, 0);
    assertEquals(JSON.parse(lines.at(-1) ?? "").msg, "shutdown complete");
    assertEquals(Deno.exitCode, 0);
  });
}

Deno.test("a stop with a saga in the middle of a provider call leaves nothing behind, either", async () => {
  const called = Promise.withResolvers<void>();
  const { report } = await inThisProcess(
    { OMS_SIM_LATENCY: "10s", OMS_SAGA_DRAIN_TIMEOUT: "50ms" },
    async (addresses) => {
      await serveOne(addresses);
      await called.promise;
    },
    {
      providers: (providers) => ({
        payment: providers.payment,
        inventory: {
          reserve: (call) => {
            called.resolve();
            return providers.inventory.reserve(call);
          },
          release: (call) => providers.inventory.release(call),
        },
        close: () => providers.close(),
      }),
    },
  );
  assertEquals(report.exitCode, 3);
  assertEquals(report.leftover.map(({ step }) => step), ["reserve"]);
});

Deno.test("a stop with an unreachable broker leaves nothing behind, either", async () => {
  const port = freePort();
  await assertRejects(() => Deno.connect({ port, hostname: "127.0.0.1" }));
  const { report } = await inThisProcess(
    { KAFKA_BROKERS: `127.0.0.1:${port}` },
    async ({ grpc }) => {
      using client = createOrderClient(grpc);
      const { orders } = await client.listOrders({
        customerId: "nobody",
        pageSize: 1,
        pageToken: "",
        filterStatuses: [],
      });
      assertEquals(orders, []);
    },
  );
  assertEquals(report.exitCode, 0);
});

Deno.test("F02 SIGTERM while the gRPC port is being opened: it is closed again, nothing is left behind", async () => {
  const { listen } = Server.prototype;
  try {
    const { report } = await inThisProcess(
      {},
      () => Promise.reject(new Error("it was ready")),
      (signals) => ({
        beforeStart: (step) => {
          if (step !== "grpc") return;
          Server.prototype.listen = function (this: Server, ...args) {
            signals.send("SIGTERM");
            return Reflect.apply(listen, this, args);
          };
        },
      }),
    );
    assertEquals([report.outcome, report.exitCode], ["clean", 0]);
    const [first] = report.phases;
    assertEquals([first?.phase, first?.outcome], ["rollback/grpc", "done"]);
  } finally {
    Server.prototype.listen = listen;
  }
});

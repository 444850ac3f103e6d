/** More events than the outbox may hold. */
import { Buffer } from "node:buffer";
import { status } from "@grpc/grpc-js";
import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  CreateOrderRequest,
  OrderServiceService,
  OrderStatus,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { RawClient } from "../../support/grpc_client.ts";
import {
  health,
  metric,
  ServiceWorld,
} from "../../support/kafka/service_world.ts";
import { kafkaTest } from "../../support/kafka/shared.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const MAX_PENDING = 60;

Deno.test(kafkaTest(
  "F44 backlog above the limit: RESOURCE_EXHAUSTED with a retry hint, reads and sagas go on, recovers by itself",
  async (broker) => {
    await using world = await ServiceWorld.create(broker, "f44");
    const service = await world.start({
      env: {
        OMS_OUTBOX_MAX_PENDING: String(MAX_PENDING),
        // Sagas that are still running when the limit is passed.
        OMS_SIM_LATENCY: "400ms",
      },
    });
    const client = world.client(service);
    const early = await world.createOrder(client);
    assert(early !== null);
    await broker.stop();

    const load = world.load(client, 10);
    await until("a refusal", () => Promise.resolve(world.failed().length > 0));
    await load.stop();
    for (const { error } of world.outcomes) {
      if (error === null) continue;
      assertEquals(error.code, status.RESOURCE_EXHAUSTED);
      assert(Number(error.retryAfterMs) > 0, `${error.retryAfterMs}`);
    }
    await refusedOnTheWire(service.grpcAddress);
    assertEquals((await health(service)).status, "degraded");

    // Their own commits are never refused, and reads answer.
    const paid = world.paid();
    assertGreater(paid.length, 0);
    await world.confirmed(client);
    const { order } = await client.getOrder({ orderId: early });
    assertEquals(order?.status, OrderStatus.ORDER_STATUS_PENDING);
    assertGreater(
      await metric(service, "oms_outbox_pending_records"),
      MAX_PENDING,
    );

    await broker.start();
    await until("an accepted call", () => world.pay(client, early));
    await world.confirmed(client);
    await until(
      "an empty outbox",
      async () => await metric(service, "oms_outbox_pending_records") === 0,
    );
    assertEquals((await health(service)).status, "healthy");
    assertEquals((await service.stop()).code, 0);
    await world.assertDelivered();
  },
));

/** As a client of another library sees it. */
async function refusedOnTheWire(address: string): Promise<void> {
  using client = new RawClient(address);
  const request = CreateOrderRequest.fromPartial({
    customerId: "customer-1",
    currency: "EUR",
    items: [{ sku: "a", qty: 1, price: { currency: "EUR", amountMinor: 1n } }],
  });
  const { code, trailer, error } = await client.call(
    Buffer.from(CreateOrderRequest.encode(request).finish()),
    {
      path: OrderServiceService.createOrder.path,
      metadata: { "idempotency-key": crypto.randomUUID() },
    },
  );
  assertEquals(code, status.RESOURCE_EXHAUSTED);
  assert(Number(trailer.get("grpc-retry-pushback-ms")[0]) > 0);
  assert(Number(error?.retryAfterMs) > 0);
}

/** SIGKILL between what is durable and what is told: to the client, to the broker. */
import { assert, assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { readEvents } from "../support/ledger/read_events.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { ended, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const { ORDER_STATUS_CONFIRMED, ORDER_STATUS_CANCELED, ORDER_STATUS_REFUNDED } =
  OrderStatus;

const CALLS = {
  "accept-pay": { ask: "pay", ends: ORDER_STATUS_CONFIRMED },
  "accept-cancel": { ask: "cancel", ends: ORDER_STATUS_CANCELED },
  "accept-refund": { ask: "refund", ends: ORDER_STATUS_REFUNDED },
} as const;

for (const side of ["before", "after"]) {
  Deno.test(
    `F11 SIGKILL ${side} the commit of a call and before its reply: the retry with its key has the effect once`,
    { ignore: NO_SIGNALS },
    async () => {
      await inPairs(
        Object.entries(CALLS),
        async ([label, { ask, ends }]) => {
          await using world = await World.create();
          const first = await world.start({
            failpoints: `${side}-commit:${label}=kill`,
          });
          const client = world.client(first);
          const orderId = await world.order(client);
          if (ask !== "pay") {
            await world.pay(client, orderId);
            await world.settled(client, orderId, ORDER_STATUS_CONFIRMED);
          }
          const key = world.newKey();
          const unanswered = await world[ask](client, orderId, key);
          assert(!unanswered.ok, label);
          await ended(first);

          const second = await world.start();
          assertEquals(
            (await second.ready()).resumed_sagas,
            side === "after" ? 1 : 0,
            label,
          );
          const next = world.client(second);
          const retry = await world[ask](next, orderId, key);
          const replay = await world[ask](next, orderId, key);
          assert(retry.ok, label);
          assertEquals(replay, retry, label);
          await world.settled(next, orderId, ends);
          await second.stop();
          world.assertLedger();
        },
      );
    },
  );
}

Deno.test(
  "F11 SIGKILL around the commit of a create: the retry with its key finds or makes the one order",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["before", "after"], async (side) => {
      await using world = await World.create();
      const first = await world.start({
        failpoints: `${side}-commit:create=kill`,
      });
      const key = world.newKey();
      const unanswered = await world.create(world.client(first), key);
      assert(!unanswered.ok, side);
      await ended(first);

      const second = await world.start();
      const client = world.client(second);
      const retry = await world.create(client, key);
      const replay = await world.create(client, key);
      assert(retry.ok, side);
      assertEquals(replay, retry, side);
      const { orders } = await client.listOrders({
        customerId: "customer-1",
        pageSize: 10,
        pageToken: "",
        filterStatuses: [],
      });
      assertEquals(orders.map(({ id }) => id), [retry.orderId], side);
      await second.stop();
      world.assertLedger();
    });
  },
);

Deno.test(
  "F12 SIGKILL between the broker's ack and the mark: the same event again, the same bytes, in order",
  { ignore: NO_SIGNALS },
  async () => {
    // The plans differ in which of an order's batches dies.
    const plans = [
      "publish:after-ack#1=kill",
      "publish:after-ack#3=kill",
      "before-write:markSent#1=kill",
      "before-write:markSent#2=kill",
    ];
    await inPairs(plans, async (failpoints) => {
      await using world = await World.create();
      const first = await world.start({ failpoints });
      const key = world.newKey();
      const outcome = await world.create(world.client(first), key);
      if (outcome.ok) await world.pay(world.client(first), outcome.orderId);
      await ended(first);
      const before = readEvents(`${world.dataDir}/events.ndjson`);
      assert(before.length > 0, failpoints);

      const second = await world.start();
      const client = world.client(second);
      const retry = await world.create(client, key);
      assert(retry.ok, failpoints);
      await second.stop();
      const after = readEvents(`${world.dataDir}/events.ndjson`);
      const copies = Map.groupBy(after, ({ id }) => id);
      const twice = [...copies.values()].filter(({ length }) => length > 1);
      assert(twice.length > 0, `${failpoints}: nothing was published twice`);
      for (const same of twice) {
        assertEquals(new Set(same.map(({ value }) => value)).size, 1);
      }
      // Sequence, gaps and bytes of every order and topic are the ledger's to judge.
      world.assertLedger();
    });
  },
);

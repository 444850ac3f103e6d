/** What a client sees of a service without a second process: the restart of the only one, on its port. */
import { assert, assertEquals } from "@std/assert";
import { status } from "@grpc/grpc-js";
import { freePort } from "../support/free_port.ts";
import { loneClient } from "../support/lone_client.ts";
import { orderRequest } from "../support/order_request.ts";
import { AFTERWARDS, Busy, CLIENTS, created } from "./busy_clients.ts";
import { NO_SIGNALS, WEAKER_RUNTIME } from "./platform.ts";
import { World } from "./world.ts";

// Not asked for: retries of the gRPC client keep timers of their own for a moment after it is closed.

Deno.test(
  "F09 a restart on one port under 32 clients that wait for a connection: 0 failed calls, where one that does not wait fails",
  { ignore: NO_SIGNALS || WEAKER_RUNTIME },
  async () => {
    await using world = await World.create();
    const env = { OMS_GRPC_ADDR: `127.0.0.1:${freePort()}` };
    const first = await world.start({ env });
    await using clients = new Busy(first);
    await clients.calls(10 * CLIENTS);
    assertEquals((await first.stop()).code, 0);

    using impatient = loneClient(env.OMS_GRPC_ADDR);
    const refused = await impatient.createOrder(orderRequest(), {
      idempotencyKey: "impatient",
    }).catch((error) => error.code);
    assertEquals(refused, status.UNAVAILABLE, "nobody is there for a moment");

    const second = await world.start({ env });
    await clients.end();
    assertEquals(clients.failures, []);
    const bySecond = await created(second);
    assert(bySecond >= CLIENTS * AFTERWARDS, `${bySecond} by the second`);
    assertEquals((await second.stop()).code, 0);
  },
);

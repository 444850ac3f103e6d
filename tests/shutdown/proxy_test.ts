/** A proxy in the environment: calls to providers go through it, and `ready` says so. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { World } from "./world.ts";

Deno.test(
  "F84 calls to providers go through the environment's proxy, which the ready line names",
  { ignore: NO_SIGNALS },
  async () => {
    const asked: string[] = [];
    await using proxy = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      ({ url }) => {
        asked.push(url);
        return Response.json({ id: "res_1" }, { status: 201 });
      },
    );
    await using world = await World.create();
    const address = `127.0.0.1:${proxy.addr.port}`;
    const service = await world.start({
      env: {
        HTTP_PROXY: `http://user:word@${address}`,
        OMS_INVENTORY_URL: "http://stock.example",
        NO_PROXY: "127.0.0.1",
        no_proxy: "",
      },
    });
    const ready = await service.ready();
    assertEquals(
      ready.provider_proxy,
      `HTTP_PROXY=http://${address} NO_PROXY=127.0.0.1`,
    );
    assert(!service.output.join("").includes("user:word"));
    const client = world.client(service);
    assert((await world.pay(client, await world.order(client))).ok);
    await until("the proxy is asked", () => asked.length > 0);
    assertEquals(asked[0], "http://stock.example/reservations");
    assertEquals((await service.stop()).code, 0);
  },
);

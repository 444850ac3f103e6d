/** Starts that have to fail: exit 1, every reason named, nothing left open. And those that only warn. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import type { LogLine } from "../support/service_output.ts";
import { serviceCommand } from "../support/service_command.ts";
import {
  type ServiceProcess,
  spawnService,
  startService,
} from "../support/service_process.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { ended, type StartOptions, World } from "./world.ts";
import { exists } from "../support/exists.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** The names that a refused configuration blames, sorted. */
async function blamed(world: World, options: StartOptions): Promise<unknown[]> {
  const service = world.spawn(options);
  const { code } = await ended(service);
  assertEquals(code, 1, service.output.join("\n"));
  const lines = service.log.filter(({ msg }) =>
    msg === "configuration refused"
  );
  for (const { level, message } of lines) {
    assertEquals(level, "error");
    assertEquals(typeof message, "string");
  }
  return lines.map(({ variable }) => variable).sort();
}

Deno.test(
  "F60 an invalid value, a drain longer than the grace, two mistakes at once: exit 1, all named",
  { ignore: NO_SIGNALS },
  async () => {
    const cases: readonly [Record<string, string>, string[]][] = [
      [{ OMS_SAGA_DRAIN_TIMEOUT: "-5s" }, ["OMS_SAGA_DRAIN_TIMEOUT"]],
      [{ OMS_TERMINATION_GRACE: "10s" }, ["OMS_TERMINATION_GRACE"]],
      [
        { OMS_GRPC_ADDR: "nowhere", LOG_LEVEL: "loud", OMS_LAME_DUCK: "soon" },
        ["LOG_LEVEL", "OMS_GRPC_ADDR", "OMS_LAME_DUCK"],
      ],
      [{ OMS_STORAGE_DRIVER: "memory" }, ["OMS_STORAGE_DRIVER"]],
    ];
    await inPairs(cases, async ([env, names]) => {
      await using world = await World.create();
      assertEquals(await blamed(world, { env }), names);
      // It was refused before anything was made.
      assertEquals(await exists(world.dataDir), false);
    });
  },
);

Deno.test(
  "F60 an address that is not local: exit 1, address and variable named",
  { ignore: NO_SIGNALS },
  async () => {
    // Of TEST-NET-1 (RFC 5737): no machine has it.
    const address = "192.0.2.1:0";
    await inPairs(["OMS_GRPC_ADDR", "OMS_METRICS_ADDR"], async (variable) => {
      await using world = await World.create();
      const service = world.spawn({ env: { [variable]: address } });
      assertEquals((await ended(service)).code, 1);
      const { error } = logged(service, "start failed");
      assert(String(error).includes(address), String(error));
      assert(String(error).includes(variable), String(error));
    });
  },
);

for (const edge of ["grpc", "http"] as const) {
  Deno.test(
    `F60 the ${edge} port is in use: exit 1, address and variable named, the rest rolled back`,
    { ignore: NO_SIGNALS },
    async () => {
      await using world = await World.create();
      const variable = edge === "grpc" ? "OMS_GRPC_ADDR" : "OMS_METRICS_ADDR";
      using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const address = `127.0.0.1:${other.addr.port}`;
      const service = world.spawn({ env: { [variable]: address } });
      assertEquals((await ended(service)).code, 1);
      const failed = logged(service, "start failed");
      assert(String(failed.error).includes(address), String(failed.error));
      assert(String(failed.error).includes(variable), String(failed.error));
      const complete = logged(service, "shutdown complete");
      assert(Array.isArray(complete.phases));
      const undone = complete.phases.map(({ phase, outcome }) =>
        `${phase} ${outcome}`
      );
      assertEquals(
        undone,
        edge === "http" ? [] : [
          "sagas",
          "background",
          "providers",
          "publisher",
          "store",
          "http",
        ].map((name) => `rollback/${name} done`),
      );
      other.close();
      const next = await world.start();
      assertEquals(
        (await next.ready()).last_stop,
        edge === "http" ? "none" : "failed (fatal, exit code 1)",
      );
      assertEquals((await next.stop()).code, 0);
    },
  );
}

Deno.test(
  "F32 a second process on the same directory: refused with a clear error, the first unharmed",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const first = await world.start();
    const client = world.client(first);
    const orderId = await world.order(client);
    const second = world.spawn();
    assertEquals((await ended(second)).code, 1);
    const failed = logged(second, "start failed");
    assert(String(failed.error).includes(world.dataDir), String(failed.error));
    assert(/process/.test(String(failed.error)), String(failed.error));
    await world.pay(client, orderId);
    await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
    assertEquals((await first.stop()).code, 0);
    world.assertLedger();
  },
);

Deno.test(
  "F61 a runtime that is known to crash: exit 1 with the reason, nothing made, unless told otherwise",
  // A compiled program brings its own.
  { ignore: NO_SIGNALS || Deno.env.has("OMS_TEST_BINARY") },
  async () => {
    const preload = new URL("programs/crashing_runtime.ts", import.meta.url);
    const command = serviceCommand();
    command.splice(-1, 0, `--preload=${fileURLToPath(preload)}`);
    await using world = await World.create();
    const options = world.options();
    await using refused = spawnService({ ...options, command });
    assertEquals((await ended(refused)).code, 1);
    const { message } = logged(refused, "runtime refused");
    assert(String(message).includes("2.9.4"), String(message));
    assertEquals(await exists(world.dataDir), false);

    const env = { ...options.env, OMS_ALLOW_UNSUPPORTED_RUNTIME: "true" };
    await using taken = await startService({ ...options, env, command });
    assertEquals((await taken.stop()).code, 0);
  },
);

Deno.test(
  "F62 a mistyped name: a warning that names the nearest, and the start goes on",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      env: { OMS_SAGA_DRAIN_TIMEOUTS: "1s", OMS_GRPC_ADR: ":1" },
    });
    const warnings = service.log.filter(({ level, msg }) =>
      level === "warn" && msg === "configuration"
    );
    assertEquals(
      warnings.map(({ variable }) => variable).sort(),
      ["OMS_GRPC_ADR", "OMS_SAGA_DRAIN_TIMEOUTS"],
    );
    const text = warnings.map(({ message }) => message).join("\n");
    assert(/\bOMS_GRPC_ADDR\b/.test(text), text);
    assert(/\bOMS_SAGA_DRAIN_TIMEOUT\b/.test(text), text);
    assertEquals((await service.stop()).code, 0);
  },
);

function logged(service: ServiceProcess, msg: string): LogLine {
  const line = service.log.find((line) => line.msg === msg);
  assert(line !== undefined, service.output.join("\n"));
  return line;
}

/** The image's process as PID 1: non-root, read-only root, one writable volume, nothing else. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { status } from "@grpc/grpc-js";
import manifest from "../../deno.json" with { type: "json" };
import { readDockerfile } from "../../scripts/image/dockerfile.ts";
import type { OrderClient } from "../../src/grpc/client.ts";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { World } from "../shutdown/world.ts";
import {
  canContain,
  type Container,
  spawnContainer,
  startContainer,
} from "../support/container.ts";
import { parseTask } from "../support/service_command.ts";
import { PATIENT_STORE } from "../support/service_process.ts";
import { imageRoot } from "./image_root.ts";
import { until } from "../support/until.ts";

const IMAGE = readDockerfile();
/** Namespaces and mounts need root; a machine without says `ignored`. */
const ignore = !canContain();
const CLIENTS = 16;
/** What has to be acknowledged before the stop, so that it comes under load. */
const ACKNOWLEDGED = 200;
/** Deno's ports of the host's network; the image's own would collide. */
const ANY_PORT = {
  OMS_GRPC_ADDR: "127.0.0.1:0",
  OMS_METRICS_ADDR: "127.0.0.1:0",
};

/** In the host's network, with the world's providers. */
async function start(world: World): Promise<Container> {
  return await startContainer({
    root: await imageRoot(),
    volume: world.dataDir,
    env: { ...world.options().env, ...ANY_PORT },
  });
}

/** In a network of its own, on the image's own ports. */
async function startAlone(
  world: World,
  env: Readonly<Record<string, string>> = {},
): Promise<Container> {
  return await startContainer({
    root: await imageRoot(),
    volume: world.dataDir,
    alone: true,
    env: { ...PATIENT_STORE, ...env },
  });
}

/** Creates and pays until the service is gone; resolves `enough` at some load. */
async function load(world: World, service: Container, enough: () => void) {
  const codes = new Set<status>();
  let acknowledged = 0;
  const atWork = async (client: OrderClient) => {
    for (let refused = 0; refused < 2;) {
      const created = await world.create(client);
      const paid = created.ok
        ? await world.pay(client, created.orderId)
        : created;
      codes.add(paid.ok ? status.OK : paid.code);
      if (paid.ok) acknowledged += 2;
      else refused += 1;
      if (acknowledged > ACKNOWLEDGED) enough();
    }
  };
  await Promise.all(
    Array.from({ length: CLIENTS }, () => atWork(world.client(service))),
  );
  return { codes, acknowledged };
}

Deno.test(
  "F06 PID 1, non-root, read-only root: SIGTERM under load drains, exit 0, ledger",
  {
    ignore,
  },
  async () => {
    await using world = await World.create();
    await using service = await start(world);
    assertEquals((await service.ready()).pid, 1);
    const enough = Promise.withResolvers<void>();
    const done = load(world, service, enough.resolve);
    await enough.promise;
    const { code } = await service.stop("SIGTERM");
    assertEquals(code, 0, service.output.slice(-20).join("\n"));
    const { codes } = await done;
    assertEquals([...codes].sort(), [status.OK, status.UNAVAILABLE]);
    world.assertLedger();
  },
);

Deno.test(
  "F06 SIGKILL under load: the volume has all that was acknowledged, the next container settles it",
  {
    ignore,
  },
  async () => {
    await using world = await World.create();
    {
      await using service = await start(world);
      const enough = Promise.withResolvers<void>();
      const done = load(world, service, enough.resolve);
      await enough.promise;
      // By its pid outside of the namespace; unshare tells of it as 137 or as 1, by version.
      assert((await service.kill()).code !== 0);
      await done;
    }
    await using service = await start(world);
    assertStringIncludes(String((await service.ready()).last_stop), "died");
    const client = world.client(service);
    const orderId = await world.order(client);
    assert((await world.pay(client, orderId)).ok);
    await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
    await world.quiet(service);
    assertEquals((await service.stop()).code, 0);
    world.assertLedger();
  },
);

Deno.test(
  "F06 no network, the image's own environment: serves, healthcheck 0, drains under load, exit 0",
  {
    ignore,
  },
  async () => {
    await using world = await World.create();
    await using service = await startAlone(world);
    const healthy = await service.exec(IMAGE.healthcheck);
    assertEquals(healthy.code, 0, healthy.output);
    // On this Deno: the HTTP/2 client of 2.7 calls streams that a stop refuses CANCELLED.
    const loadTool = parseTask(manifest, "load");
    const record = `${world.dir}/intents.ndjson`;
    const over = new AbortController();
    const loading = service.beside(
      [...loadTool, "--duration=1m", "--rps=0", `--record=${record}`],
      over.signal,
    );
    await until("acknowledged orders", () => lines(record) > ACKNOWLEDGED);
    const stopped = service.stop();
    await service.waitForLog("readiness off");
    assertEquals((await stopped).code, 0, service.output.slice(-20).join("\n"));
    over.abort();
    const { output } = await loading;
    assert(/\bOK \d+/.test(output) && !/CANCELLED/.test(output), output);
  },
);

Deno.test(
  "F06 healthcheck: 1 while the service drains, although it still answers",
  {
    ignore,
  },
  async () => {
    await using world = await World.create();
    // Longer than any probe; the end of the test cuts it short.
    await using service = await startAlone(world, {
      OMS_LAME_DUCK: "10s",
      OMS_TERMINATION_GRACE: "60s",
    });
    service.signal("SIGTERM");
    await service.waitForLog("readiness off");
    const draining = await service.exec(IMAGE.healthcheck);
    assertEquals(draining.code, 1);
    assertStringIncludes(draining.output, "503");
  },
);

Deno.test(
  "F06 a start that is refused says why and ends with 1, as PID 1 too",
  {
    ignore,
  },
  async () => {
    await using world = await World.create();
    await using service = spawnContainer({
      root: await imageRoot(),
      volume: world.dataDir,
      env: { ...ANY_PORT, OMS_LAME_DUCK: "1h" },
    });
    assertEquals((await service.exit).code, 1);
    assertStringIncludes(service.output.join("\n"), "OMS_TERMINATION_GRACE");
  },
);

Deno.test(
  "F06 the process has no right beyond its volume: the root is read-only, the user is not root",
  {
    ignore,
  },
  async () => {
    await using world = await World.create();
    await using service = await start(world);
    const status = read(`/proc/${service.pid}/status`);
    assert(/^Uid:\t65532\t65532\t65532\t65532$/m.test(status), status);
    assert(/^CapEff:\t0+$/m.test(status), status);
    const mounts = read(`/proc/${service.pid}/mounts`);
    const root = mounts.split("\n").find((line) => line.split(" ")[1] === "/");
    assert(root?.split(" ")[3]?.split(",").includes("ro"), mounts);
  },
);

/** Deno itself reads nothing of /proc without every permission. */
function read(path: string): string {
  const { stdout } = new Deno.Command("cat", { args: [path] }).outputSync();
  return new TextDecoder().decode(stdout);
}

function lines(path: string): number {
  try {
    return Deno.readTextFileSync(path).split("\n").length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

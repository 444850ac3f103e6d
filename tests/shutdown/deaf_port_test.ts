/** accept(2) fails, descriptors run out: the gRPC port accepts again by itself, and says so while it does not. */
import {
  assertEquals,
  assertGreater,
  assertLess,
  assertStringIncludes,
} from "@std/assert";
import { AwakeTime } from "../support/awake_time.ts";
import { FailingAccept } from "../support/failing_accept.ts";
import { whyNoStrace } from "../support/powerloss/strace.ts";
import { RawConnection } from "../support/raw_http2.ts";
import { testsThatNeed } from "../support/required.ts";
import { serviceCommand } from "../support/service_command.ts";
import {
  PATIENT_STORE,
  type ServiceProcess,
} from "../support/service_process.ts";
import { startService } from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NOT_LINUX } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ERRNOS = [
  "EMFILE",
  "ENFILE",
  "ECONNABORTED",
  "ENOBUFS",
  "EPROTO",
  "EPERM",
];
/** From the cause's going away until connections are accepted, in ms. */
const AGAIN_WITHIN_MS = 2_000;
const DEAF = "grpc port accepts nothing";

const straceTest = testsThatNeed({
  missing: await whyNoStrace(),
  requiredBy: "TEST_REQUIRE_STRACE",
  cannot: "Cannot make accept(2) fail",
});

/** Asks /readyz on one connection: a new one could not be accepted, either. */
class Readiness implements Disposable {
  readonly #conn: Deno.Conn;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async connect(service: ServiceProcess): Promise<Readiness> {
    const [hostname = "", port = ""] = service.httpAddress.split(":");
    return new Readiness(await Deno.connect({ hostname, port: Number(port) }));
  }

  async ask(): Promise<string> {
    const get = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    await this.#conn.write(new TextEncoder().encode(get));
    const bytes = new Uint8Array(4_096);
    const read = await this.#conn.read(bytes);
    return new TextDecoder().decode(bytes.subarray(0, read ?? 0));
  }

  async status(): Promise<number> {
    return Number((await this.ask()).split(" ")[1]);
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

Deno.test(straceTest(
  "F70 one accept(2) that fails does not make the gRPC port deaf, whatever it fails with",
  async () => {
    await using world = await World.create();
    const service = await world.start();
    const orderId = await world.order(world.client(service));
    for (const errno of ERRNOS) {
      await using failing = await FailingAccept.attach(
        service.pid,
        errno,
        "next",
      );
      using awake = new AwakeTime();
      // A connection of its own; a call that fails fails the test.
      await world.client(service).getOrder({ orderId });
      assertLess(awake.ms, AGAIN_WITHIN_MS, errno);
      await failing.detach();
    }
    assertEquals((await service.stop()).code, 0);
  },
));

Deno.test(straceTest(
  "F70 while accept(2) fails /readyz is 503 and the log names the errno; then connections are accepted again",
  async () => {
    await using world = await World.create();
    const service = await world.start();
    using readiness = await Readiness.connect(service);
    assertEquals(await readiness.status(), 200);
    const client = world.client(service);
    const orderId = await world.order(client);
    for (const errno of ERRNOS) {
      await using failing = await FailingAccept.attach(
        service.pid,
        errno,
        "all",
      );
      await until(
        `503, ${errno}`,
        async () => await readiness.status() === 503,
      );
      assertStringIncludes(
        await readiness.ask(),
        `does not accept connections (${errno})`,
      );
      // Who is connected is served.
      await client.getOrder({ orderId });

      await failing.detach();
      using awake = new AwakeTime();
      await world.client(service).getOrder({ orderId });
      assertLess(awake.ms, AGAIN_WITHIN_MS, errno);
      await until("200", async () => await readiness.status() === 200);
      assertLess(awake.ms, AGAIN_WITHIN_MS, errno);
    }
    const told = await service.waitForLog(DEAF);
    assertEquals([told.level, told.errno], ["warn", ERRNOS[0]]);
    await service.waitForLog("grpc port accepts again");
    assertEquals((await service.stop()).code, 0);
  },
));

Deno.test(
  "F70 150 connections and 128 descriptors: those above the cap are closed, the store and the HTTP port go on",
  { ignore: NOT_LINUX },
  async () => {
    await using world = await World.create();
    await using service = await startService({
      dataDir: `${world.dir}/few`,
      command: [
        "sh",
        "-c",
        'ulimit -n 128 && exec "$@"',
        "sh",
        ...serviceCommand(),
      ],
      env: PATIENT_STORE,
    });
    const client = world.client(service);
    await world.order(client);
    const [host = "", port = ""] = service.grpcAddress.split(":");
    const held: RawConnection[] = [];
    try {
      for (let nth = 0; nth < 150; nth++) {
        held.push(await RawConnection.open(host, Number(port)));
      }
      await until("connections are refused", async () => {
        const metrics = await metricsOf(service);
        return (metrics.get("oms_grpc_connections_refused_total") ?? 0) > 0;
      });
      const metrics = await metricsOf(service);
      assertGreater(metrics.get("oms_grpc_connections_open") ?? 0, 10);
      assertLess(metrics.get("oms_grpc_connections_open") ?? 150, 100);
      assertEquals(metrics.get("oms_grpc_accepting"), 1);
      await world.order(client);
    } finally {
      for (const connection of held) connection[Symbol.dispose]();
    }
    using awake = new AwakeTime();
    const fresh = world.client(service);
    await until("a new connection is served", async () => {
      return await world.order(fresh).then(() => true, () => false);
    });
    assertLess(awake.ms, AGAIN_WITHIN_MS);
    assertEquals((await service.stop()).code, 0);
  },
);

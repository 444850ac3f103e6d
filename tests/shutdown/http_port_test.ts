/** The HTTP port of the real process: what its clients hold open, also at the stop, and a flood of connections. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { AwakeTime } from "../support/awake_time.ts";
import {
  frame,
  FrameType,
  PREFACE,
  RawConnection,
} from "../support/raw_http2.ts";
import { serviceCommand } from "../support/service_command.ts";
import {
  PATIENT_STORE,
  type ServiceProcess,
  startService,
} from "../support/service_process.ts";
import { until } from "../support/until.ts";
import { NO_SIGNALS } from "./platform.ts";
import { metricsOf, World } from "./world.ts";

/** Descriptors of the service; it needs some forty for itself. */
const DESCRIPTORS = 128;
const CONNECTIONS = 150;
/** A second of back-off at the most, and what a look takes. */
const AGAIN_WITHIN_MS = 2_000;

function connect(service: ServiceProcess): Promise<RawConnection> {
  const [host = "", port = ""] = service.httpAddress.split(":");
  return RawConnection.open(host, Number(port));
}

const text = (value: string) => new TextEncoder().encode(value);

const HELD: Readonly<Record<string, readonly Uint8Array[]>> = {
  "no byte": [],
  "half a header": [text("GET /metrics HTTP/1.1\r\nho")],
  "idle h2c": [PREFACE, frame(FrameType.settings, 0, 0)],
  "an unfinished POST": [
    text("POST /readyz HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc"),
  ],
  "an unread /metrics": [
    // As often as it takes to be more than the system keeps for the client.
    text("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(300)),
  ],
};

Deno.test(
  "F73 what clients of the HTTP port hold open at the stop is closed, and nothing holds up the exit",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start();
    using held = new DisposableStack();
    for (const said of Object.values(HELD)) {
      const connection = held.use(await connect(service));
      connection.socket.pause();
      if (said.length > 0) connection.send(...said);
    }
    const open = "oms_http_connections_open";
    // With the one that asks; Deno 2.7 closes the unfinished POST by itself.
    await until("they are there", async () => {
      const now = (await metricsOf(service)).get(open) ?? 0;
      return now >= Object.keys(HELD).length;
    });
    const { code } = await service.stop();
    assertEquals(code, 0, service.output.join("\n"));
    const told = service.log.find(({ msg }) => msg === "http stopped");
    assertEquals(told?.outcome, "done");
    const left = service.log.filter(({ msg }) =>
      msg === "exit was held up by something left open"
    );
    assertEquals(left, []);
  },
);

Deno.test(
  "F70 few descriptors, and a flood of connections to the HTTP port: it is capped below them, and answers again",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    await using service = await startService({
      dataDir: `${world.dir}/data`,
      env: PATIENT_STORE,
      command: [
        "sh",
        "-c",
        `ulimit -n ${DESCRIPTORS} && exec "$@"`,
        "sh",
        ...serviceCommand(),
      ],
    });
    const flood = new DisposableStack();
    for (let i = 0; i < CONNECTIONS; i++) flood.use(await connect(service));
    flood.dispose();
    const awake = new AwakeTime();
    await until("a probe is answered", async () => {
      try {
        const answer = await fetch(`http://${service.httpAddress}/readyz`);
        await answer.body?.cancel();
        return answer.status === 200;
      } catch {
        return false;
      }
    });
    assertLess(awake.ms, AGAIN_WITHIN_MS);
    awake[Symbol.dispose]();
    const counted = 'oms_http_connections_closed_total{cause="limit"}';
    assertGreater((await metricsOf(service)).get(counted) ?? 0, 0);
    const deaf = service.log.filter(({ msg }) =>
      msg === "http cannot accept connections"
    );
    assertEquals(deaf, []);
    assertEquals((await service.stop()).code, 0);
  },
);

Deno.test(
  "F70 more connections to the HTTP port than are allowed are closed, and counted",
  { ignore: NO_SIGNALS },
  async () => {
    await using world = await World.create();
    const service = await world.start({
      env: { OMS_HTTP_MAX_CONNECTIONS: "2" },
    });
    using first = await connect(service);
    using _second = await connect(service);
    using third = await connect(service);
    await third.closed;
    first[Symbol.dispose]();
    const counted = 'oms_http_connections_closed_total{cause="limit"}';
    await until("there is room, and it is counted", async () => {
      try {
        return ((await metricsOf(service)).get(counted) ?? 0) > 0;
      } catch {
        return false;
      }
    });
    assertEquals((await service.stop()).code, 0);
  },
);

/** How long connections to the HTTP port last, how many there may be, and what is told of them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Clock, systemClock } from "@oms/lifecycle";
import type { HttpCloseCause } from "../../../src/telemetry/metrics.ts";
import {
  Flag,
  frame,
  FrameType,
  headerBlock,
  PREFACE,
  RawConnection,
} from "../../support/raw_http2.ts";
import { until } from "../../support/until.ts";
import { answered, say, ServedHttp } from "./fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** No client here is told by the bound it is not about. */
const PATIENT_MS = 60_000;
const SHORT_MS = 100;
const GET = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";

const H2_GREETING = [PREFACE, frame(FrameType.settings, 0, 0)];
const H2_GET = frame(
  FrameType.headers,
  Flag.endStream | Flag.endHeaders,
  1,
  headerBlock({
    ":method": "GET",
    ":scheme": "http",
    ":authority": "a",
    ":path": "/livez",
  }),
);

/** What is said on a connection that then says no more. */
type Say = (connection: RawConnection) => void | Promise<void>;

async function untilAnswered(connection: RawConnection): Promise<void> {
  await answered(connection);
  assertMatch(String(connection.bytes), /^HTTP\/1\.1 (200|405) /);
}

const NO_REQUEST: Readonly<Record<string, Say>> = {
  "no byte": () => {},
  "half a header": (c) => say(c, "GET /livez HTTP/1.1\r\nho"),
  "h2c without a request": (c) => c.send(...H2_GREETING),
  "half a header of h2c": (c) => c.send(...H2_GREETING, H2_GET.subarray(0, 20)),
};

const AFTER_A_REQUEST: Readonly<Record<string, Say>> = {
  "kept alive": async (c) => {
    say(c, GET);
    await untilAnswered(c);
  },
  "kept alive, half a header": async (c) => {
    say(c, GET);
    await untilAnswered(c);
    say(c, "GET /livez HT");
  },
  "half a body": (c) =>
    say(c, "GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc"),
  "h2c": async (c) => {
    c.send(...H2_GREETING, H2_GET);
    await until(
      "an answer",
      () =>
        c.frames().some(({ type, stream }) =>
          type === FrameType.data && stream === 1
        ),
    );
  },
};

async function closedFor(
  cause: HttpCloseCause,
  cases: Readonly<Record<string, Say>>,
  served: ServedHttp,
): Promise<void> {
  for (const [what, talk] of Object.entries(cases)) {
    served.told.causes.length = 0;
    using connection = await served.connect();
    await talk(connection);
    await connection.closed;
    await until(`${what} is told`, () => served.told.causes.length === 1);
    assertEquals(served.told.causes, [cause], what);
  }
  await served.server.stop();
}

Deno.test("F73 no whole request in the first seconds: the connection is closed, and counted", async () => {
  const limits = { firstRequestMs: SHORT_MS, idleMs: PATIENT_MS };
  await closedFor("first_request", NO_REQUEST, new ServedHttp({}, limits));
});

Deno.test("F73 a header that comes byte by byte buys no time", async () => {
  const limits = { firstRequestMs: SHORT_MS, idleMs: PATIENT_MS };
  const served = new ServedHttp({}, limits);
  using connection = await served.connect("GET /livez HTTP/1.1\r\nx: ");
  const timer = setInterval(() => say(connection, "y"), 5);
  await connection.closed;
  clearInterval(timer);
  await until("it is told", () => served.told.causes.length === 1);
  assertEquals(served.told.causes, ["first_request"]);
  await served.server.stop();
});

Deno.test("F73 an idle connection is closed, whatever it has begun to say, and counted", async () => {
  const limits = { firstRequestMs: PATIENT_MS, idleMs: SHORT_MS };
  await closedFor("idle", AFTER_A_REQUEST, new ServedHttp({}, limits));
});

Deno.test("F73 an answer that nobody reads is not kept for ever", async () => {
  const metrics = () => Promise.resolve("x".repeat(32 * 1024 * 1024));
  const limits = { firstRequestMs: PATIENT_MS, idleMs: SHORT_MS };
  const served = new ServedHttp({ metrics }, limits);
  using connection = await served.connect();
  connection.socket.pause();
  say(connection, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
  await until("it is told", () => served.told.causes.length === 1);
  assertEquals(served.told.causes, ["idle"]);
  await served.server.stop();
});

Deno.test("a request that runs has all the time it takes, and its answer starts the next wait", async () => {
  const { promise: rendered, resolve } = Promise.withResolvers<string>();
  const limits = { firstRequestMs: SHORT_MS, idleMs: SHORT_MS };
  const served = new ServedHttp({ metrics: () => rendered }, limits);
  using running = await served.connect(
    "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n",
  );
  // Younger than the one that runs, and closed one after the other: the time is over.
  for (let i = 0; i < 3; i++) {
    using witness = await served.connect();
    await witness.closed;
  }
  assertEquals(served.told.causes, Array(3).fill("first_request"));
  resolve("x 1\n");
  await running.closed;
  assert(String(running.bytes).endsWith("x 1\n"));
  await until("it is told", () => served.told.causes.length === 4);
  assertEquals(served.told.causes.at(-1), "idle");
  await served.server.stop();
});

Deno.test("connections that come and go set one timer, not two each", async () => {
  let set = 0;
  const clock: Clock = {
    ...systemClock,
    after: (ms, fn, options) => {
      set += 1;
      return systemClock.after(ms, fn, options);
    },
  };
  const limits = { firstRequestMs: PATIENT_MS, idleMs: PATIENT_MS };
  const served = new ServedHttp({ clock }, limits);
  for (let i = 0; i < 5; i++) {
    assertMatch(await served.ask(GET), /^HTTP\/1\.1 200 /);
  }
  assertEquals(set, 1);
  await served.server.stop();
});

Deno.test("F70 above the limit a connection is closed at once, and one that has gone makes room", async () => {
  const served = new ServedHttp({}, { maxConnections: 2 });
  using first = await served.connect();
  using _second = await served.connect(GET);
  await until("both are there", () => served.told.openedCount === 2);
  using third = await served.connect(GET);
  await third.closed;
  assertEquals(String(third.bytes), "");
  assertEquals(served.told.causes, ["limit"]);
  first[Symbol.dispose]();
  await until("one has gone", () => served.told.causes.length === 2);
  assertEquals(served.told.causes, ["limit", null]);
  assertMatch(await served.ask(GET), /^HTTP\/1\.1 200 /);
  await served.server.stop();
});

Deno.test("F73 the stop closes what asks for nothing, and lets what runs end", async () => {
  const { promise: rendered, resolve } = Promise.withResolvers<string>();
  const asked = Promise.withResolvers<void>();
  const metrics = () => {
    asked.resolve();
    return rendered;
  };
  const served = new ServedHttp({ metrics });
  const cases = { ...NO_REQUEST, ...AFTER_A_REQUEST };
  using held = new DisposableStack();
  const idle: RawConnection[] = [];
  for (const talk of Object.values(cases)) {
    const connection = held.use(await served.connect());
    await talk(connection);
    idle.push(connection);
  }
  using running = await served.connect(
    "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n",
  );
  await asked.promise;
  const stopped = served.server.stop();
  await Promise.all(idle.map(({ closed }) => closed));
  assertEquals(served.told.open, 1);
  const text = `${"y".repeat(1024 * 1024)}\n`;
  resolve(text);
  await stopped;
  await running.closed;
  assertMatch(String(running.bytes), /^HTTP\/1\.1 200 /);
  assert(String(running.bytes).endsWith(text));
  assertEquals(new Set(served.told.causes), new Set([null]));
});

Deno.test("F73 an answer that nobody reads at the stop is cut", async () => {
  const asked = Promise.withResolvers<void>();
  const metrics = () => {
    asked.resolve();
    return Promise.resolve("x".repeat(32 * 1024 * 1024));
  };
  const served = new ServedHttp({ metrics });
  using connection = await served.connect();
  connection.socket.pause();
  say(connection, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
  await asked.promise;
  await served.server.stop();
  assertEquals(served.told.causes, [null]);
});

Deno.test("an abort answers what runs, and cuts what takes no answer", async () => {
  const asked = Promise.withResolvers<void>();
  const metrics = () => {
    asked.resolve();
    return new Promise<string>(() => {});
  };
  const served = new ServedHttp({ metrics });
  using running = await served.connect(
    "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n",
  );
  await asked.promise;
  const stopped = served.server.stop();
  await served.server.abort();
  await stopped;
  await running.closed;
  assertMatch(String(running.bytes), /^HTTP\/1\.1 503 .*stopping\n$/s);
});

Deno.test("a cut in the moment in which a connection ends by itself is caught", async () => {
  for (let i = 0; i < 20; i++) {
    const served = new ServedHttp();
    using connection = await served.connect(
      GET.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"),
    );
    // A little later each time: about the answer, and the end that follows it.
    for (let turn = 0; turn < i; turn++) await Promise.resolve();
    await served.server.abort();
    await connection.closed;
    assertEquals(served.told.open, 0);
  }
});

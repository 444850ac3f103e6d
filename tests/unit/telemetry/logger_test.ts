import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  createLogging,
  logFn,
  type Logger,
  type LoggingOptions,
  silentLogger,
} from "../../../src/telemetry/logger.ts";

async function linesOf(
  options: Partial<LoggingOptions>,
  write: (logger: Logger) => void,
): Promise<string[]> {
  let text = "";
  using logging = createLogging({
    level: "debug",
    format: "json",
    sink: {
      write(bytes) {
        text += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
    },
    ...options,
  });
  write(logging.logger);
  assert(await logging.flush(1_000));
  return text.split("\n").filter((line) => line !== "");
}

async function jsonOf(
  write: (logger: Logger) => void,
): Promise<Record<string, unknown>> {
  const [line = "", ...more] = await linesOf({}, write);
  assertEquals(more, []);
  return JSON.parse(line);
}

Deno.test("a JSON line has time, level, msg and component first, then its fields", async () => {
  const [line = ""] = await linesOf(
    {},
    (logger) =>
      logger.child({ component: "sagas", saga_id: "saga_1" }).warn("retry", {
        order_id: "ord_1",
        duration_ms: 12,
      }),
  );
  assertMatch(
    line,
    /^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"warn","msg":"retry","component":"sagas","saga_id":"saga_1","order_id":"ord_1","duration_ms":12\}$/,
  );
});

Deno.test("the level decides what is written", async () => {
  const lines = await linesOf({ level: "warn" }, (logger) => {
    logger.debug("a");
    logger.info("b");
    logger.warn("c");
    logger.error("d");
  });
  assertEquals(
    lines.map((line) => {
      const { level, msg } = JSON.parse(line);
      return [level, msg];
    }),
    [["warn", "c"], ["error", "d"]],
  );
});

Deno.test("a bigint keeps every digit", async () => {
  assertObjectMatch(
    await jsonOf((l) => l.info("m", { amount_minor: 9223372036854775807n })),
    { amount_minor: "9223372036854775807" },
  );
});

Deno.test("an error shows name, message, code, stack and cause", async () => {
  const cause = new Error("disk");
  const error = Object.assign(new TypeError("bad", { cause }), { code: "E1" });
  const line = await jsonOf((l) => l.error("m", { error }));
  assertObjectMatch(line, {
    error: {
      name: "TypeError",
      message: "bad",
      code: "E1",
      cause: { message: "disk" },
    },
  });
  assertStringIncludes(JSON.stringify(line), "logger_test.ts");
});

Deno.test("nothing that a field holds makes a call throw or break its line", async () => {
  const cyclic: Record<string, unknown> = { name: "c" };
  cyclic.self = cyclic;
  const deep: Record<string, unknown> = {};
  let at = deep;
  for (let i = 0; i < 1_000; i++) at = at.next = {};
  const hostile = {
    get value(): never {
      throw new Error("no");
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const line = await jsonOf((l) =>
    l.info("m\nsecond", {
      cyclic,
      deep,
      hostile,
      proxy: revoked.proxy,
      nan: NaN,
      gone: undefined,
      fn: () => 1,
      symbol: Symbol("s"),
      bytes: new Uint8Array(3),
      map: new Map([[1, { a: 1n }]]),
      set: new Set([1]),
      date: new Date(0),
      surrogate: "\ud800",
    })
  );
  assertObjectMatch(line, {
    msg: "m\nsecond",
    cyclic: { name: "c", self: "[circular]" },
    hostile: "[unprintable: no]",
    nan: "NaN",
    symbol: "Symbol(s)",
    bytes: "[3 bytes]",
    map: { 1: { a: "1" } },
    set: [1],
    date: "1970-01-01T00:00:00.000Z",
  });
  assertFalse("gone" in line);
  assertFalse("fn" in line);
});

Deno.test("fields that throw when they are spread lose the fields, not the line", async () => {
  const fields = new Proxy({}, {
    ownKeys() {
      throw new Error("no");
    },
  });
  assertObjectMatch(await jsonOf((l) => l.info("kept", fields)), {
    msg: "kept",
  });
});

Deno.test("a field cannot take the place of time, level, msg or component", async () => {
  assertObjectMatch(
    await jsonOf((l) => l.info("m", { level: "x", msg: "y", time: 1 })),
    {
      level: "info",
      msg: "m",
      "field.level": "x",
      "field.msg": "y",
      "field.time": 1,
    },
  );
});

Deno.test("a child adds to its parent and leaves it alone", async () => {
  const lines = await linesOf({}, (logger) => {
    const parent = logger.child({ component: "grpc", a: 1 });
    parent.child({ b: 2 }).info("child", { a: 3 });
    parent.info("parent");
  });
  const [child, parent] = lines.map((line) => JSON.parse(line));
  assertObjectMatch(child, { component: "grpc", a: 3, b: 2 });
  assertObjectMatch(parent, { component: "grpc", a: 1 });
  assertFalse("b" in parent);
});

Deno.test("a logger serves as the lifecycle's callback", async () => {
  assertObjectMatch(
    await jsonOf((l) => logFn(l)("error", "grpc stopped", { duration_ms: 1 })),
    { level: "error", msg: "grpc stopped", duration_ms: 1 },
  );
});

Deno.test("the text format is one readable line without colours", async () => {
  const [line = "", ...more] = await linesOf(
    { format: "text" },
    (logger) =>
      logger.child({ component: "http" }).info("ready", {
        grpc: "127.0.0.1:50051",
        note: "two words",
      }),
  );
  assertEquals(more, []);
  assertMatch(
    line,
    /^\d\d:\d\d:\d\d\.\d{3}Z INFO {2}http {7}ready grpc=127\.0\.0\.1:50051 note="two words"$/,
  );
});

Deno.test("the text format colours the level when asked to", async () => {
  const [line = ""] = await linesOf(
    { format: "text", color: true },
    (logger) => logger.error("m"),
  );
  assertStringIncludes(line, "\x1b[31mERROR\x1b[0m");
});

Deno.test("the text format shows a stack below the line", async () => {
  const lines = await linesOf(
    { format: "text" },
    (logger) => logger.error("failed", { error: new Error("why") }),
  );
  assertStringIncludes(lines[0] ?? "", 'error="Error: why"');
  assertMatch(lines[1] ?? "", /^ {4}at .*logger_test\.ts/);
});

Deno.test("the text format shows the end of a stop as a table, the JSON format as it was", async () => {
  const report = {
    reason: "SIGTERM",
    phases: [
      { phase: "grpc", outcome: "done", duration_ms: 9 },
      { phase: "sagas", outcome: "timed_out", duration_ms: 5_003 },
      { phase: "kafka", outcome: "failed", duration_ms: 0, error: "gone\n!" },
    ],
    leftover: [
      { order_id: "ord_1", task: "sagas/pay/ord_1", step: "charge", age_ms: 7 },
      { order_id: "ord_2", task: "sagas/pay/ord_2", age_ms: 12 },
    ],
  };
  const write = (logger: Logger) => logger.info("shutdown complete", report);
  const [head, ...table] = await linesOf({ format: "text" }, write);
  assertMatch(head ?? "", / shutdown complete reason=SIGTERM$/);
  assertEquals(table, [
    "    phases:",
    "      phase  outcome    duration_ms  error",
    "      grpc   done                 9",
    "      sagas  timed_out         5003",
    '      kafka  failed               0  "gone\\n!"',
    "    leftover:",
    "      order_id  task             step    age_ms",
    "      ord_1     sagas/pay/ord_1  charge       7",
    "      ord_2     sagas/pay/ord_2              12",
  ]);
  const [json = "", ...more] = await linesOf({}, write);
  assertEquals(more, []);
  assertStringIncludes(json, JSON.stringify(report).slice(1, -1));
});

Deno.test("the text format shows no other list as a table", async () => {
  const [line, ...more] = await linesOf(
    { format: "text" },
    (logger) => logger.info("m", { none: [], words: ["a"], mixed: [{}, 1] }),
  );
  assertEquals(more, []);
  assertMatch(line ?? "", / none=\[\] words=\["a"\] mixed=\[\{\},1\]$/);
});

Deno.test("the text format lets no control character of a value through", async () => {
  const text = (await linesOf(
    { format: "text" },
    (logger) =>
      logger.info("bad\x1b[2J\nmsg", {
        reason: "a\x1b]0;x\x07\u009b1m\r\nb",
        table: [{ "a\x1b[2J": "b\x07", "c": "d\r\ne" }],
      }),
  ))
    .join("|");
  // deno-lint-ignore no-control-regex -- those are what must not be there
  assertFalse(/[\x00-\x1f\x7f-\x9f]/.test(text), text);
});

Deno.test("lost lines are counted and announced", async () => {
  let lost = 0;
  let text = "";
  let release = () => {};
  const gate = new Promise<void>((resolve) => release = resolve);
  using logging = createLogging({
    level: "info",
    format: "json",
    maxPending: 300,
    onDropped: (lines) => lost += lines,
    sink: {
      async write(bytes) {
        await gate;
        text += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    },
  });
  for (let i = 0; i < 50; i++) logging.logger.info("m", { i });
  assertEquals(await logging.flush(1), false);
  release();
  assert(await logging.flush(1_000));
  assertEquals(logging.dropped, lost);
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const notices = lines.filter(({ msg }) => msg === "log lines dropped");
  assertEquals(
    notices.reduce((sum, { lines }) => sum + lines, 0),
    lost,
  );
  assertEquals(lines.at(-1)?.i, 49);
});

Deno.test("the silent logger takes everything and its children too", () => {
  silentLogger.child({ component: "x" }).error("m", { a: 1 });
});

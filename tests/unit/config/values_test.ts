import {
  assertEquals,
  assertFalse,
  assertObjectMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ConfigError } from "../../../src/config.ts";
import { formatDuration, parseDuration } from "../../../src/config/duration.ts";
import { configOf, load, problemsOf, rows } from "./fixtures.ts";

Deno.test("durations are Go's", () => {
  const good: Record<string, number> = {
    "250ms": 250,
    "5s": 5_000,
    "1m30s": 90_000,
    "1.5s": 1_500,
    ".5s": 500,
    "1h1m1s1ms": 3_661_001,
    "0": 0,
    "0s": 0,
    "1500us": 2,
    "2µs": 0,
  };
  for (const [text, ms] of Object.entries(good)) {
    assertEquals(parseDuration(text), ms, text);
  }
  for (
    const text of [
      "",
      "5",
      "s",
      "-1s",
      "1 s",
      "1d",
      "1s ",
      "1e3ms",
      "1.2.3s",
      "5S",
      "1s2",
      "NaNs",
    ]
  ) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

Deno.test("a duration is shown as it would be written", () => {
  for (const text of ["0s", "250ms", "1.5s", "1m30s", "23h", "1h1s"]) {
    assertEquals(formatDuration(parseDuration(text) ?? -1), text);
  }
});

Deno.test("addresses: host and port, any interface, IPv6, port 0", () => {
  const parse = (text: string) =>
    configOf({ OMS_GRPC_ADDR: text }).grpc.address;
  assertEquals(parse(":50051"), { host: "0.0.0.0", port: 50051 });
  assertEquals(parse("localhost:0"), { host: "localhost", port: 0 });
  assertEquals(parse("[::1]:7"), { host: "::1", port: 7 });
  assertEquals(parse("[::]:65535"), { host: "::", port: 65535 });
  for (
    const text of [
      "localhost",
      "1:2:3",
      "::1:50051",
      "[::1]",
      "[::1",
      "[localhost]:1",
      "host:65536",
      "host:-1",
      "host:",
      "http://host:1",
      "a b:1",
    ]
  ) {
    assertStringIncludes(
      problemsOf({ OMS_GRPC_ADDR: text }).OMS_GRPC_ADDR ?? "",
      "is not an address",
      text,
    );
  }
});

Deno.test("both listeners cannot have one port, unless it is 0", () => {
  assertEquals(
    Object.keys(problemsOf({ OMS_GRPC_ADDR: ":9090" })),
    ["OMS_METRICS_ADDR"],
  );
  configOf({ OMS_GRPC_ADDR: ":0", OMS_METRICS_ADDR: ":0" });
});

Deno.test("an empty value is as good as none", () => {
  assertEquals(
    configOf(Object.fromEntries(rows.map(({ name }) => [name, ""]))),
    configOf({}),
  );
});

Deno.test("words and flags are read in any case", () => {
  const config = configOf({
    LOG_LEVEL: "WARN",
    OMS_GRPC_REFLECTION: "False",
    OMS_WATCHDOG: " kill ",
  });
  assertEquals(config.log.level, "warn");
  assertEquals(config.grpc.reflection, false);
  assertEquals(config.shutdown.watchdog, "kill");
});

Deno.test("a flag is true or false by any of the usual words", () => {
  const reflection = (text: string) =>
    configOf({ OMS_GRPC_REFLECTION: text }).grpc.reflection;
  for (const text of ["true", "1", "yes", "on", "Yes", "ON"]) {
    assertEquals(reflection(text), true, text);
  }
  for (const text of ["false", "0", "no", "off", "No", "OFF"]) {
    assertEquals(reflection(text), false, text);
  }
  for (const text of ["y", "n", "2", "enabled", "yes no"]) {
    assertEquals(
      problemsOf({ OMS_GRPC_REFLECTION: text }),
      {
        OMS_GRPC_REFLECTION:
          `"${text}" is neither true nor false: write one of them`,
      },
    );
  }
});

Deno.test("a log level has its usual other names", () => {
  const aliases = {
    trace: "debug",
    warning: "warn",
    Warning: "warn",
    fatal: "error",
  };
  for (const [text, level] of Object.entries(aliases)) {
    assertEquals(configOf({ LOG_LEVEL: text }).log.level, level, text);
  }
});

Deno.test("memory storage must be allowed by name", () => {
  assertStringIncludes(
    problemsOf({ OMS_STORAGE_DRIVER: "memory" }).OMS_STORAGE_DRIVER ?? "",
    "OMS_ALLOW_MEMORY_STORAGE=true",
  );
  assertEquals(
    configOf({
      OMS_STORAGE_DRIVER: "memory",
      OMS_ALLOW_MEMORY_STORAGE: "true",
    }).storage,
    { driver: "memory", restored: false },
  );
});

Deno.test("postgres is refused as not available, and wants real providers", () => {
  const problems = problemsOf({
    OMS_STORAGE_DRIVER: "postgres",
    OMS_POSTGRES_DSN: "postgres://u:secret@db/oms",
  });
  assertEquals(Object.keys(problems), [
    "OMS_STORAGE_DRIVER",
    "OMS_PAYMENT_URL",
    "OMS_INVENTORY_URL",
  ]);
  assertStringIncludes(
    problems.OMS_STORAGE_DRIVER ?? "",
    "not available in this version",
  );
});

Deno.test("without simulated providers both URLs are needed", () => {
  const problems = problemsOf({ OMS_ALLOW_MOCK_INTEGRATIONS: "false" });
  assertEquals(Object.keys(problems), ["OMS_PAYMENT_URL", "OMS_INVENTORY_URL"]);
  for (const message of Object.values(problems)) {
    assertStringIncludes(message, "OMS_PAYMENT_URL and OMS_INVENTORY_URL");
  }
  const { providers } = configOf({
    OMS_ALLOW_MOCK_INTEGRATIONS: "false",
    OMS_PAYMENT_URL: "https://pay.example/v1/",
    OMS_INVENTORY_URL: "http://stock:8080",
  });
  const open = {
    headers: [],
    tls: { ca: undefined, cert: undefined, key: undefined },
  };
  assertEquals(providers.payment, {
    kind: "http",
    url: "https://pay.example/v1",
    ...open,
  });
  assertEquals(providers.inventory, {
    kind: "http",
    url: "http://stock:8080",
    ...open,
  });
});

Deno.test("a provider's URL without simulation replaces that provider only", () => {
  const { providers } = configOf({ OMS_PAYMENT_URL: "http://pay" });
  assertEquals(providers.payment.kind, "http");
  assertEquals(providers.inventory.kind, "simulated");
});

Deno.test("credentials, query and fragment of a URL are refused and not repeated", () => {
  for (
    const url of [
      "https://u:hunter2@pay",
      "https://u:hun/hunter2@pay",
      "https://pay?key=hunter2",
      "https://pay/v1#hunter2",
    ]
  ) {
    const error = assertThrows(
      () => load({ OMS_PAYMENT_URL: url }),
      ConfigError,
    );
    assertEquals(error.problems[0]?.name, "OMS_PAYMENT_URL");
    assertFalse(error.message.includes("hunter2"), error.message);
  }
});

Deno.test("the log is text on a terminal, JSON elsewhere, and NO_COLOR is heard", () => {
  const terminal = { stdoutIsTerminal: true };
  assertEquals(configOf({}, terminal).log, {
    level: "info",
    format: "text",
    color: true,
  });
  assertEquals(configOf({ NO_COLOR: "1" }, terminal).log.color, false);
  assertEquals(configOf({ NO_COLOR: "" }, terminal).log.color, true);
  assertEquals(configOf({ LOG_FORMAT: "json" }, terminal).log.format, "json");
  assertObjectMatch(configOf({ LOG_FORMAT: "text" }), {
    log: { format: "text", color: false },
  });
});

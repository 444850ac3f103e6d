import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertObjectMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  checkRuntime,
  type Config,
  ConfigError,
  type ConfigInput,
  isRuntimeOverride,
  loadConfig,
  type LoadedConfig,
  Secret,
} from "../../src/config.ts";
import { formatDuration, parseDuration } from "../../src/config/duration.ts";
import { editDistance } from "../../src/config/suggest.ts";
import type { Variable } from "../../src/config/variable.ts";
import { VARIABLES } from "../../src/config/variables.ts";

type Env = Record<string, string>;

const NO_FILES = (path: string): string => {
  throw new Deno.errors.NotFound(`No such file: ${path}`);
};

function load(env: Env, more: Partial<ConfigInput> = {}): LoadedConfig {
  return loadConfig({
    env,
    readFile: NO_FILES,
    stdoutIsTerminal: false,
    ...more,
  });
}

const configOf = (env: Env, more?: Partial<ConfigInput>): Config =>
  load(env, more).config;

function problemsOf(
  env: Env,
  more?: Partial<ConfigInput>,
): Record<string, string> {
  const error = assertThrows(() => load(env, more), ConfigError);
  return Object.fromEntries(
    error.problems.map(({ name, message }) => [name, message]),
  );
}

const rows: Variable<unknown>[] = Object.values(VARIABLES);

/** The contract's names and defaults, and our own additions. */
const TABLE: Record<string, string | undefined> = {
  OMS_GRPC_ADDR: "127.0.0.1:50051",
  OMS_METRICS_ADDR: "127.0.0.1:9090",
  OMS_GRPC_REFLECTION: "true",
  OMS_STORAGE_DRIVER: "sqlite",
  OMS_ALLOW_MEMORY_STORAGE: "false",
  OMS_DATA_DIR: "./data",
  OMS_POSTGRES_DSN: undefined,
  OMS_POSTGRES_AUTO_MIGRATE: "true",
  OMS_ALLOW_MOCK_INTEGRATIONS: undefined,
  OMS_PAYMENT_URL: undefined,
  OMS_INVENTORY_URL: undefined,
  OMS_PROVIDER_TIMEOUT: "2s",
  OMS_PROVIDER_CONCURRENCY: "64",
  OMS_PROVIDER_KEY_RETENTION: "23h",
  OMS_SAGA_CONCURRENCY: "256",
  OMS_SAGA_LEASE: "10s",
  OMS_SAGA_RETRY_BASE: "50ms",
  OMS_SAGA_RETRY_MAX: "30s",
  OMS_SAGA_STUCK_AFTER: "5m",
  KAFKA_BROKERS: undefined,
  KAFKA_CLIENT_ID: "oms",
  KAFKA_TOPIC_ORDER: "oms.order.events",
  KAFKA_TOPIC_SAGA: "oms.saga.events",
  KAFKA_TOPIC_DLQ: "oms.dlq",
  KAFKA_TLS: "false",
  KAFKA_TLS_CA: undefined,
  KAFKA_TLS_CERT: undefined,
  KAFKA_TLS_KEY: undefined,
  KAFKA_SASL_MECHANISM: undefined,
  KAFKA_SASL_USERNAME: undefined,
  KAFKA_SASL_PASSWORD: undefined,
  KAFKA_COMPRESSION: "none",
  OMS_LAME_DUCK: "0s",
  OMS_GRPC_GRACEFUL_TIMEOUT: "5s",
  OMS_SAGA_DRAIN_TIMEOUT: "5s",
  OMS_OUTBOX_FLUSH_TIMEOUT: "3s",
  OMS_HTTP_SHUTDOWN_TIMEOUT: "2s",
  OMS_KAFKA_CLOSE_TIMEOUT: "2s",
  OMS_STORE_CLOSE_TIMEOUT: "1s",
  OMS_TERMINATION_GRACE: "30s",
  OMS_TERMINATION_LOG: undefined,
  OMS_WATCHDOG: "report",
  OMS_OUTBOX_BATCH_SIZE: "100",
  OMS_OUTBOX_MAX_PENDING: "10000",
  OMS_OUTBOX_POLL_INTERVAL: "1s",
  OMS_OUTBOX_RETRY_DELAY: "50ms",
  OMS_OUTBOX_RETENTION: "24h",
  OMS_IDEMPOTENCY_TTL: "24h",
  OMS_IDEMPOTENCY_CLEANUP_INTERVAL: "10m",
  OMS_IDEMPOTENCY_CLEANUP_BATCH_SIZE: "500",
  OMS_SIM_LATENCY: "20ms",
  OMS_SIM_DECLINE_RATE: "0",
  OMS_SIM_UNKNOWN_RATE: "0",
  OMS_SIM_SEED: undefined,
  LOG_LEVEL: "info",
  LOG_FORMAT: undefined,
  NO_COLOR: undefined,
  OMS_ALLOW_UNSUPPORTED_RUNTIME: "false",
};

Deno.test("the table has the contract's names and defaults", () => {
  assertEquals(
    Object.fromEntries(rows.map(({ name, fallback }) => [name, fallback])),
    TABLE,
  );
});

Deno.test("an empty environment gives the defaults", () => {
  const { config, warnings } = load({});
  assertEquals(warnings, []);
  assertEquals(config, {
    grpc: { address: { host: "127.0.0.1", port: 50051 }, reflection: true },
    http: { address: { host: "127.0.0.1", port: 9090 } },
    storage: { driver: "sqlite" },
    dataDir: "./data",
    providers: {
      payment: { kind: "simulated" },
      inventory: { kind: "simulated" },
      timeoutMs: 2_000,
      concurrency: 64,
      keyRetentionMs: 82_800_000,
      simulation: {
        latencyMs: 20,
        declineRate: 0,
        unknownRate: 0,
        seed: undefined,
      },
    },
    sagas: {
      concurrency: 256,
      leaseMs: 10_000,
      retryBaseMs: 50,
      retryMaxMs: 30_000,
      stuckAfterMs: 300_000,
    },
    events: {
      topics: {
        order: "oms.order.events",
        saga: "oms.saga.events",
        dlq: "oms.dlq",
      },
      kafka: undefined,
    },
    outbox: {
      batchSize: 100,
      maxPending: 10_000,
      pollIntervalMs: 1_000,
      retryDelayMs: 50,
      retentionMs: 86_400_000,
    },
    idempotency: {
      ttlMs: 86_400_000,
      cleanupIntervalMs: 600_000,
      cleanupBatchSize: 500,
    },
    shutdown: {
      lameDuckMs: 0,
      grpcMs: 5_000,
      sagasMs: 5_000,
      outboxMs: 3_000,
      httpMs: 2_000,
      kafkaMs: 2_000,
      storeMs: 1_000,
      graceMs: 30_000,
      terminationLog: undefined,
      watchdog: "report",
    },
    log: { level: "info", format: "json", color: false },
    allowUnsupportedRuntime: false,
  });
});

Deno.test("F60 an invalid value of each variable is refused by its name", async (t) => {
  for (const { name, badExample } of rows) {
    if (badExample === undefined) continue;
    await t.step(name, () => {
      const problems = problemsOf({ [name]: badExample });
      assertEquals(Object.keys(problems), [name]);
      assertMatch(problems[name] ?? "", /\w{3}/);
    });
  }
});

Deno.test("F60 each default can be written out, with the same result", () => {
  const env: Env = {};
  for (const { name, fallback } of rows) {
    if (fallback !== undefined) env[name] = fallback;
  }
  assertEquals(configOf(env), configOf({}));
});

Deno.test("F60 two mistakes at once are both named, whatever their kind", () => {
  const error = assertThrows(
    () =>
      load({
        OMS_SAGA_LEASE: "soon",
        LOG_LEVEL: "loud",
        OMS_STORAGE_DRIVER: "memory",
        KAFKA_SASL_MECHANISM: "plain",
        OMS_GRCP_ADDR: ":1",
      }),
    ConfigError,
  );
  assertEquals(error.problems.map(({ name }) => name), [
    "LOG_LEVEL",
    "OMS_SAGA_LEASE",
    "OMS_STORAGE_DRIVER",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
  ]);
  for (const { name, message } of error.problems) {
    assertStringIncludes(error.message, `${name}: ${message}`);
  }
  assertEquals(error.warnings[0]?.name, "OMS_GRCP_ADDR");
});

Deno.test("F60 a message says what was wrong and what to write", () => {
  const { OMS_LAME_DUCK, OMS_SAGA_LEASE } = problemsOf({
    OMS_LAME_DUCK: "5 seconds",
    OMS_SAGA_LEASE: "1ms",
  });
  assertEquals(
    OMS_LAME_DUCK,
    '"5 seconds" is not a duration: write it like 250ms, 5s or 1m30s',
  );
  assertEquals(OMS_SAGA_LEASE, '"1ms" is out of range: choose 1s to 1h');
});

Deno.test("F60 budgets that do not fit into the grace are refused with their sum", () => {
  const problems = problemsOf({
    OMS_LAME_DUCK: "5s",
    OMS_SAGA_DRAIN_TIMEOUT: "15s",
  });
  assertEquals(Object.keys(problems), ["OMS_TERMINATION_GRACE"]);
  const message = problems.OMS_TERMINATION_GRACE ?? "";
  // 5 + 5 + 15 + 3 + 2 + 2 + 1 + slack 2
  assertStringIncludes(message, "35s");
  assertStringIncludes(message, "OMS_SAGA_DRAIN_TIMEOUT 15s");
  assertStringIncludes(message, "30s is too short");
});

Deno.test("F60 budgets that just fit are taken, one millisecond more is not", () => {
  // The defaults without lame duck: 18 s, and 2 s of slack.
  configOf({ OMS_TERMINATION_GRACE: "20s" });
  problemsOf({ OMS_TERMINATION_GRACE: "19.999s" });
});

Deno.test("F60 a budget that cannot be read is not blamed on the grace too", () => {
  assertEquals(
    Object.keys(
      problemsOf({ OMS_LAME_DUCK: "x", OMS_TERMINATION_GRACE: "1s" }),
    ),
    ["OMS_LAME_DUCK"],
  );
});

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
    { driver: "memory" },
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
  assertEquals(providers.payment, {
    kind: "http",
    url: "https://pay.example/v1",
  });
  assertEquals(providers.inventory, { kind: "http", url: "http://stock:8080" });
});

Deno.test("a provider's URL without simulation replaces that provider only", () => {
  const { providers } = configOf({ OMS_PAYMENT_URL: "http://pay" });
  assertEquals(providers.payment.kind, "http");
  assertEquals(providers.inventory.kind, "simulated");
});

Deno.test("credentials in a URL are refused and not repeated", () => {
  for (const url of ["https://u:hunter2@pay", "https://u:hun/hunter2@pay"]) {
    const error = assertThrows(
      () => load({ OMS_PAYMENT_URL: url }),
      ConfigError,
    );
    assertEquals(error.problems[0]?.name, "OMS_PAYMENT_URL");
    assertFalse(error.message.includes("hunter2"), error.message);
  }
  problemsOf({ OMS_PAYMENT_URL: "https://pay?key=1" });
});

const KAFKA: Env = { KAFKA_BROKERS: "a:9092, b:9093" };
const PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

Deno.test("Kafka is off without brokers and whole with them", () => {
  assertEquals(configOf(KAFKA).events.kafka, {
    brokers: ["a:9092", "b:9093"],
    clientId: "oms",
    tls: undefined,
    sasl: undefined,
    compression: "none",
  });
  for (const brokers of ["a", "a:0", "a:1,", ":9092", "a:1;b:2"]) {
    assertEquals(
      Object.keys(problemsOf({ KAFKA_BROKERS: brokers })),
      ["KAFKA_BROKERS"],
    );
  }
});

Deno.test("SASL needs mechanism, user and password together", () => {
  assertEquals(
    Object.keys(problemsOf({ ...KAFKA, KAFKA_SASL_MECHANISM: "plain" })),
    ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"],
  );
  assertEquals(
    Object.keys(problemsOf({ ...KAFKA, KAFKA_SASL_PASSWORD: "p" })),
    ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME"],
  );
  const sasl = configOf({
    ...KAFKA,
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    KAFKA_SASL_USERNAME: "u",
    KAFKA_SASL_PASSWORD: " p w ",
  }).events.kafka?.sasl;
  assertEquals(sasl?.mechanism, "scram-sha-512");
  assertEquals(sasl?.password.reveal(), " p w ");
});

Deno.test("PEM settings take the text itself or a path", () => {
  const readFile = (path: string) =>
    path === "/tls/ca.pem" ? `${PEM}\n` : NO_FILES(path);
  const { kafka } = configOf({
    ...KAFKA,
    KAFKA_TLS: "true",
    KAFKA_TLS_CA: "/tls/ca.pem",
    KAFKA_TLS_CERT: PEM,
    KAFKA_TLS_KEY_FILE: "/tls/ca.pem",
  }, { readFile }).events;
  assertEquals(kafka?.tls?.ca, PEM);
  assertEquals(kafka?.tls?.cert, PEM);
  assertEquals(kafka?.tls?.key?.reveal(), PEM);
});

Deno.test("a key pasted without its BEGIN line is not repeated as a path", () => {
  const error = assertThrows(
    () => load({ ...KAFKA, KAFKA_TLS: "true", KAFKA_TLS_KEY: "hunter2" }),
    ConfigError,
  );
  assertEquals(error.problems[0]?.name, "KAFKA_TLS_KEY");
  assertFalse(error.message.includes("hunter2"), error.message);
});

Deno.test("TLS settings need each other", () => {
  assertEquals(
    Object.keys(problemsOf({ ...KAFKA, KAFKA_TLS_CERT: PEM })),
    ["KAFKA_TLS", "KAFKA_TLS_KEY"],
  );
});

Deno.test("topics must differ", () => {
  assertEquals(
    Object.keys(problemsOf({ KAFKA_TOPIC_SAGA: "oms.order.events" })),
    ["KAFKA_TOPIC_SAGA"],
  );
});

Deno.test("a longest back-off below the first is refused", () => {
  assertEquals(
    Object.keys(problemsOf({ OMS_SAGA_RETRY_BASE: "1m" })),
    ["OMS_SAGA_RETRY_MAX"],
  );
});

Deno.test("any secret may come from a file, its last line feed is dropped", () => {
  const files: Env = { "/s/user": "u\n", "/s/password": "p\r\n" };
  const loaded = load({
    ...KAFKA,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME_FILE: "/s/user",
    KAFKA_SASL_PASSWORD_FILE: "/s/password",
  }, { readFile: (path) => files[path] ?? NO_FILES(path) });
  const sasl = loaded.config.events.kafka?.sasl;
  assertEquals(sasl?.username.reveal(), "u");
  assertEquals(sasl?.password.reveal(), "p");
  assertArrayIncludes(loaded.entries, [
    { name: "KAFKA_SASL_PASSWORD", value: "***", source: "file" },
  ]);
});

Deno.test("a secret set twice, an unreadable or an empty file are mistakes", () => {
  const env = { OMS_POSTGRES_DSN_FILE: "/s/dsn" };
  assertStringIncludes(
    problemsOf({ ...env, OMS_POSTGRES_DSN: "postgres://db" })
      .OMS_POSTGRES_DSN ?? "",
    "together with OMS_POSTGRES_DSN_FILE",
  );
  assertStringIncludes(
    problemsOf(env).OMS_POSTGRES_DSN_FILE ?? "",
    "cannot be read (NotFound)",
  );
  assertStringIncludes(
    problemsOf(env, { readFile: () => "\n" }).OMS_POSTGRES_DSN_FILE ?? "",
    "empty",
  );
});

Deno.test("only secrets have a FILE name", () => {
  assertEquals(
    load({ OMS_DATA_DIR_FILE: "/x" }).warnings.map(({ name }) => name),
    ["OMS_DATA_DIR_FILE"],
  );
});

Deno.test("no secret shows in the config, its entries or its mistakes", () => {
  const env = {
    ...KAFKA,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "hunter1",
    KAFKA_SASL_PASSWORD: "hunter2",
    OMS_POSTGRES_DSN: "postgres://u:hunter3@db/oms",
  };
  const loaded = load(env);
  const shown = [
    JSON.stringify(loaded),
    Deno.inspect(loaded, { depth: Infinity }),
    `${loaded.config.events.kafka?.sasl?.password}`,
  ].join();
  assertFalse(/hunter/.test(shown), shown);
  const { message } = assertThrows(
    () => load({ ...env, OMS_POSTGRES_DSN: "hunter4", LOG_LEVEL: "x" }),
    ConfigError,
  );
  assertFalse(/hunter/.test(message), message);
});

Deno.test("a secret is revealed only on demand", () => {
  const secret = new Secret("s");
  assertEquals(
    [`${secret}`, JSON.stringify({ secret }), Deno.inspect(secret)],
    [
      "***",
      '{"secret":"***"}',
      "***",
    ],
  );
  assertEquals(secret.reveal(), "s");
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

Deno.test("F62 a mistyped name is a warning that names the nearest", () => {
  const warningOf = (name: string) =>
    load({ [name]: "x" }).warnings.map((each) =>
      `${each.name} ${each.message}`
    );
  const nearest: Env = {
    OMS_LAMEDUCK: "OMS_LAME_DUCK",
    OMS_GRPC_ADDRESS: "OMS_GRPC_ADDR",
    KAFKA_BROKER: "KAFKA_BROKERS",
    KAFKA_SASL_PASSWORD_FIEL: "KAFKA_SASL_PASSWORD_FILE",
    OMS_SAGA_DRAIN_TIMOUT: "OMS_SAGA_DRAIN_TIMEOUT",
  };
  for (const [name, meant] of Object.entries(nearest)) {
    const [warning = "", ...more] = warningOf(name);
    assertEquals(more, []);
    assertStringIncludes(warning, `did you mean ${meant}?`);
    assert(warning.startsWith(`${name} `));
  }
});

Deno.test("F62 a name like no other is a warning without a guess", () => {
  const [warning] = load({ OMS_XYZZY_PLUGH_FROTZ_GNUSTO: "1" }).warnings;
  assertFalse(warning?.message.includes("did you mean"), warning?.message);
});

Deno.test("F62 names that are not ours to judge are left alone", () => {
  assertEquals(
    load({
      PATH: "/bin",
      KAFKAJS_LOG_LEVEL: "x",
      OMS_TEST_BINARY: "dist/oms",
      OMS_SERVICE_HOST: "10.0.0.1",
      OMS_SERVICE_PORT_GRPC: "50051",
      OMS_PORT: "tcp://10.0.0.1:50051",
      KAFKA_PORT_9092_TCP_ADDR: "10.0.0.2",
    }).warnings,
    [],
  );
});

Deno.test("edit distance counts insertions, deletions and replacements", () => {
  assertEquals(editDistance("", "abc"), 3);
  assertEquals(editDistance("kitten", "sitting"), 3);
  assertEquals(editDistance("same", "same"), 0);
});

Deno.test("settings without effect are warned about", () => {
  assertEquals(
    load({ KAFKA_TLS: "true", OMS_POSTGRES_DSN: "postgres://db" }).warnings
      .map(({ name }) => name),
    ["KAFKA_TLS", "OMS_POSTGRES_DSN"],
  );
});

Deno.test("every variable has an entry with its value and source", () => {
  const { entries } = load({
    OMS_GRPC_ADDR: "[::1]:1",
    OMS_SAGA_LEASE: "90s",
    OMS_OUTBOX_BATCH_SIZE: "7",
  });
  assertEquals(entries.length, rows.length);
  assertArrayIncludes(entries, [
    { name: "OMS_GRPC_ADDR", value: "[::1]:1", source: "env" },
    { name: "OMS_SAGA_LEASE", value: "1m30s", source: "env" },
    { name: "OMS_OUTBOX_BATCH_SIZE", value: "7", source: "env" },
    { name: "OMS_METRICS_ADDR", value: "127.0.0.1:9090", source: "default" },
    { name: "OMS_LAME_DUCK", value: "0s", source: "default" },
    { name: "LOG_FORMAT", value: "json", source: "default" },
    { name: "OMS_ALLOW_MOCK_INTEGRATIONS", value: "true", source: "default" },
    { name: "KAFKA_BROKERS", value: "", source: "unset" },
  ]);
});

Deno.test("F61 a runtime that aborts or hangs is refused with the reason", () => {
  const refused: Record<string, string> = {
    "2.9.4": "denoland/deno#36788",
    "2.9.8": "denoland/deno#36788",
    "2.10.0": "denoland/deno#36788",
    "3.0.0": "denoland/deno#36788",
    "2.9.4-rc.1": "denoland/deno#36788",
    "2.6.10": "too old",
    "1.46.3": "too old",
    "next": "not a version",
  };
  for (const [version, reason] of Object.entries(refused)) {
    const verdict = checkRuntime(version, false);
    assertFalse(verdict.ok, version);
    assertStringIncludes(verdict.message, reason);
    assertStringIncludes(verdict.message, version);
    assertStringIncludes(verdict.message, "OMS_ALLOW_UNSUPPORTED_RUNTIME=true");
    assertEquals(checkRuntime(version, true), { ok: true });
  }
});

Deno.test("F61 runtimes that were measured good are taken, ours too", () => {
  for (
    const version of [
      "2.7.0",
      "2.7.14",
      "2.8.3",
      "2.9.0",
      "2.9.3",
      "2.8.3+abc",
    ]
  ) {
    assertEquals(checkRuntime(version, false), { ok: true }, version);
  }
  assertEquals(checkRuntime(Deno.version.deno, false), { ok: true });
});

Deno.test("F61 the override is read before the rest of the environment", () => {
  assertEquals(["true", "1", "TRUE", " true "].map(isRuntimeOverride), [
    true,
    true,
    true,
    true,
  ]);
  assertEquals([undefined, "", "false", "yes"].map(isRuntimeOverride), [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("a ConfigError is an Error that prints every mistake", () => {
  const error = assertThrows(() => load({ LOG_LEVEL: "x" }));
  assertInstanceOf(error, ConfigError);
  assertEquals(
    error.message,
    'Cannot use the environment (1 to correct):\n  LOG_LEVEL: "x" is none of debug, info, warn, error',
  );
});

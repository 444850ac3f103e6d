import { assert, assertEquals, assertThrows } from "@std/assert";
import type { LogFn } from "@oms/lifecycle";
import {
  clientConfig,
  kafkaPublisherOptions,
  type KafkaSettings,
  SocketTracker,
} from "../../../src/events/kafka_config.ts";

const SETTINGS: KafkaSettings = {
  brokers: ["k1:9092", "k2:9092"],
  clientId: "oms",
  tls: null,
  sasl: null,
  compression: "none",
};
const noLog: LogFn = () => {};

Deno.test("plain settings: no TLS, no SASL", () => {
  const config = clientConfig(SETTINGS, new SocketTracker(), noLog);
  assertEquals(config.brokers, ["k1:9092", "k2:9092"]);
  assertEquals(config.ssl, undefined);
  assertEquals(config.sasl, undefined);
});

Deno.test("TLS takes authorities, certificate and key", () => {
  const tls = { ca: "CA", cert: "CERT", key: "KEY" };
  const config = clientConfig({ ...SETTINGS, tls }, new SocketTracker(), noLog);
  assertEquals(config.ssl, { ca: ["CA"], cert: "CERT", key: "KEY" });
  const bare = clientConfig(
    { ...SETTINGS, tls: {} },
    new SocketTracker(),
    noLog,
  );
  assertEquals(bare.ssl, { ca: undefined, cert: undefined, key: undefined });
});

for (
  const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const
) {
  Deno.test(`SASL ${mechanism} is a fresh object each time`, () => {
    const sasl = { mechanism, username: "u", password: "p" };
    const settings = { ...SETTINGS, sasl };
    const first = clientConfig(settings, new SocketTracker(), noLog);
    const second = clientConfig(settings, new SocketTracker(), noLog);
    assertEquals<unknown>(first.sasl, sasl);
    assert(first.sasl !== second.sasl);
    assert(!Object.is(first.sasl, sasl));
  });
}

Deno.test("the client's own errors are debug lines", () => {
  const lines: unknown[] = [];
  const { logCreator, logLevel } = clientConfig(
    SETTINGS,
    new SocketTracker(),
    (level, message, fields) => void lines.push([level, message, fields]),
  );
  logCreator?.(logLevel ?? 0)({
    namespace: "Connection",
    level: 1,
    label: "ERROR",
    log: {
      timestamp: "2026-01-01T00:00:00Z",
      logger: "kafkajs",
      message: "Connection timeout",
      broker: "k1:9092",
      stack: "Error\n at",
    },
  });
  assertEquals(lines, [[
    "debug",
    "kafkajs: Connection timeout",
    { namespace: "Connection", broker: "k1:9092" },
  ]]);
});

Deno.test("an abandoned producer opens no connection", () => {
  const sockets = new SocketTracker();
  sockets.destroy();
  assertThrows(
    () =>
      sockets.open({
        host: "127.0.0.1",
        port: 1,
        ssl: {},
        onConnect: () => {},
      }),
    Error,
    "abandoned",
  );
});

Deno.test("closing stays below the budget of its phase", () => {
  assertEquals(kafkaPublisherOptions(2_000).closeTimeoutMs, 1_500);
});

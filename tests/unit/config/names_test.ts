import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
} from "@std/assert";
import { editDistance } from "../../../src/config/suggest.ts";
import { type Env, load } from "./fixtures.ts";

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
  const idle = { KAFKA_BROKERS: "k:9092", OMS_EVENTS_FILE_MAX_BYTES: "1000" };
  assertEquals(
    load(idle).warnings.map(({ name, message }) => `${name} ${message}`),
    [
      "OMS_EVENTS_FILE_MAX_BYTES has no effect: KAFKA_BROKERS is set, events go to Kafka",
    ],
  );
});

import {
  assertEquals,
  assertFalse,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ConfigError } from "../../../src/config.ts";
import { configOf, KAFKA, load, NO_FILES, problemsOf } from "./fixtures.ts";

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

Deno.test("F60 brokers by IPv6 address are refused, with what to write instead", () => {
  for (const brokers of ["[::1]:9092", "a:9092, [fe80::1%eth0]:9092", "::1"]) {
    const { KAFKA_BROKERS } = problemsOf({ KAFKA_BROKERS: brokers });
    assertStringIncludes(KAFKA_BROKERS ?? "", "IPv6");
    assertStringIncludes(KAFKA_BROKERS ?? "", "write a name");
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

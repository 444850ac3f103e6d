import {
  assertEquals,
  assertFalse,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { ConfigError } from "../../../src/config.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import {
  configOf,
  type Env,
  KAFKA,
  load,
  NO_FILES,
  problemsOf,
} from "./fixtures.ts";

const AUTHORITY = makeAuthority("authority");
const CLIENT = makeCertificate("client", [], AUTHORITY);
const OTHER = makeCertificate("other", [], AUTHORITY);
const TLS = { ...KAFKA, KAFKA_TLS: "true" };

Deno.test("Kafka is off without brokers and whole with them", () => {
  assertEquals(configOf(KAFKA).events.kafka, {
    brokers: ["a:9092", "b:9093"],
    clientId: "oms",
    tls: undefined,
    sasl: undefined,
    compression: "none",
  });
  for (const brokers of ["a:1,b:2,", "a:1, b:2 , ", "a:1,b:2,,"]) {
    const { kafka } = configOf({ KAFKA_BROKERS: brokers }).events;
    assertEquals(kafka?.brokers, ["a:1", "b:2"], brokers);
  }
  for (const brokers of ["a", "a:0", ",", "a:1,,b:2", ":9092", "a:1;b:2"]) {
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
  const files: Env = {
    "/tls/ca.pem": `${AUTHORITY.cert}\n`,
    "/tls/key.pem": CLIENT.key,
  };
  const { kafka } = configOf({
    ...TLS,
    KAFKA_TLS_CA: "/tls/ca.pem",
    KAFKA_TLS_CERT: CLIENT.cert,
    KAFKA_TLS_KEY_FILE: "/tls/key.pem",
  }, { readFile: (path) => files[path] ?? NO_FILES(path) }).events;
  assertEquals(kafka?.tls?.ca?.trim(), AUTHORITY.cert.trim());
  assertEquals(kafka?.tls?.cert?.trim(), CLIENT.cert.trim());
  assertEquals(kafka?.tls?.key?.reveal().trim(), CLIENT.key.trim());
});

Deno.test("F60 certificates and keys that TLS cannot use are refused at the start", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  const brokenKey = broken.replaceAll("CERTIFICATE", "PRIVATE KEY");
  const encrypted = String(
    generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: {
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: "secret",
      },
    }).privateKey,
  );
  const { cert, key } = CLIENT;
  for (
    const [name, env, said] of [
      ["KAFKA_TLS_CA", { KAFKA_TLS_CA: broken }, "no certificate"],
      ["KAFKA_TLS_CA", { KAFKA_TLS_CA: key }, "no certificate"],
      [
        "KAFKA_TLS_KEY",
        { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: brokenKey },
        "no private key",
      ],
      [
        "KAFKA_TLS_KEY",
        { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: cert },
        "no private key",
      ],
      [
        "KAFKA_TLS_KEY",
        { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: key + OTHER.key },
        "more than one",
      ],
      [
        "KAFKA_TLS_KEY",
        { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: encrypted },
        "passphrase",
      ],
      [
        "KAFKA_TLS_KEY",
        { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: OTHER.key },
        "is not the key of the first certificate in KAFKA_TLS_CERT",
      ],
    ] as const
  ) {
    const problems = problemsOf({ ...TLS, ...env });
    assertEquals(Object.keys(problems), [name]);
    assertStringIncludes(problems[name] ?? "", said);
  }
  // A list with a certificate that this runtime cannot read is still a list.
  configOf({ ...TLS, KAFKA_TLS_CA: broken + AUTHORITY.cert });
});

Deno.test("a key pasted without its BEGIN line is not repeated as a path", () => {
  const error = assertThrows(
    () => load({ ...KAFKA, KAFKA_TLS: "true", KAFKA_TLS_KEY: "hunter2" }),
    ConfigError,
  );
  assertEquals(error.problems[0], {
    name: "KAFKA_TLS_KEY",
    message:
      "the value names a file that cannot be read (NotFound): write the path of one that can, or the PEM itself with its BEGIN line",
  });
  assertFalse(error.message.includes("hunter2"), error.message);
});

Deno.test("a certificate's file that cannot be read is named, with what to write", () => {
  const problems = problemsOf({
    ...KAFKA,
    KAFKA_TLS: "true",
    KAFKA_TLS_CA: "/x",
  });
  assertEquals(
    problems.KAFKA_TLS_CA,
    '"/x" names a file that cannot be read (NotFound): write the path of one that can, or the PEM itself with its BEGIN line',
  );
});

Deno.test("TLS settings need each other", () => {
  assertEquals(
    Object.keys(problemsOf({ ...KAFKA, KAFKA_TLS_CERT: CLIENT.cert })),
    ["KAFKA_TLS", "KAFKA_TLS_KEY"],
  );
});

Deno.test("topics must differ", () => {
  assertEquals(
    Object.keys(problemsOf({ KAFKA_TOPIC_SAGA: "oms.order.events" })),
    ["KAFKA_TOPIC_SAGA"],
  );
});

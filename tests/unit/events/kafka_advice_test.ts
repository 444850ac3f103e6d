/** What real brokers make of it: tests/integration/kafka/security_test.ts. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  adviceFor,
  adviceOnConnect,
  withAdvice,
} from "../../../src/events/kafka_advice.ts";

const OPEN = { tls: null, sasl: null };
const TLS = { tls: { ca: "CA" }, sasl: null };
const MUTUAL = { tls: { ca: "CA", cert: "CERT", key: "KEY" }, sasl: null };
const SASL = {
  mechanism: "plain",
  username: "u",
  password: "p",
} as const;

const CLOSED = new Error("Closed connection");

function failed(fields: Record<string, string>): Error {
  // As kafkajs does after its last try.
  return new Error("tried often", {
    cause: Object.assign(new Error("why"), fields),
  });
}

Deno.test("F43 advice is found behind the client's own errors", () => {
  for (
    const [fields, security, said] of [
      [{ code: "CERT_HAS_EXPIRED" }, TLS, "is not valid now"],
      [
        { code: "SELF_SIGNED_CERT_IN_CHAIN" },
        TLS,
        "KAFKA_TLS_CA does not hold",
      ],
      [
        { code: "SELF_SIGNED_CERT_IN_CHAIN" },
        { ...TLS, tls: {} },
        "name it in KAFKA_TLS_CA",
      ],
      [
        { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" },
        TLS,
        "set KAFKA_TLS_CERT and KAFKA_TLS_KEY",
      ],
      [
        { code: "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE" },
        MUTUAL,
        "KAFKA_TLS_CERT has to be signed",
      ],
      [{ type: "TOPIC_AUTHORIZATION_FAILED" }, OPEN, "add an ACL"],
      [{ type: "UNKNOWN_TOPIC_OR_PARTITION" }, OPEN, "create the topic"],
    ] as const
  ) {
    assertStringIncludes(adviceFor(failed(fields), security) ?? "", said);
  }
});

Deno.test("F82 a missing topic is said with the variable that names it", () => {
  const missing = failed({ type: "UNKNOWN_TOPIC_OR_PARTITION" });
  assertEquals(
    adviceFor(missing, OPEN, "KAFKA_TOPIC_DLQ"),
    "create the topic, or correct KAFKA_TOPIC_DLQ",
  );
});

Deno.test("F43 a connection that is closed while we connect: what the port may want, by what we have", () => {
  const wanted = (security: Parameters<typeof adviceOnConnect>[1]) =>
    adviceOnConnect(CLOSED, security)?.replace(/^.* may want /, "");
  assertEquals(
    wanted(OPEN),
    "TLS (KAFKA_TLS) or SASL (KAFKA_SASL_MECHANISM)",
  );
  assertEquals(wanted({ ...OPEN, sasl: SASL }), "TLS (KAFKA_TLS)");
  assertEquals(
    wanted({ ...TLS, sasl: SASL }),
    "no TLS (KAFKA_TLS) or our certificate (KAFKA_TLS_CERT, KAFKA_TLS_KEY)",
  );
  assertEquals(
    wanted({ ...MUTUAL, sasl: SASL }),
    "no TLS (KAFKA_TLS) or another certificate (KAFKA_TLS_CERT, KAFKA_TLS_KEY)",
  );
});

Deno.test("a connection that is closed during a send, or refused, needs no advice", () => {
  assertEquals(adviceFor(CLOSED, OPEN), null);
  assertEquals(adviceOnConnect(failed({ code: "ECONNREFUSED" }), OPEN), null);
});

Deno.test("an error without advice stays as it is, one with it becomes the cause", async () => {
  const error = failed({ type: "MESSAGE_TOO_LARGE" });
  const same = await assertRejects(() =>
    withAdvice(Promise.reject(error), (each) => adviceFor(each, OPEN))
  );
  assertEquals(same === error, true);
  const advised = await assertRejects(
    () => withAdvice(Promise.reject(error), () => "do that"),
    Error,
    "tried often (do that)",
  );
  assertEquals(advised.cause === error, true);
});

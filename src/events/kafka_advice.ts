/**
 * What to change when brokers do not take us as we are set up.
 *
 * Invariants: a sentence names variables and never their values; null where nothing is known better than what the
 * error says.
 * Not promised: that it is the only possible cause. Codes and types are those of kafkajs 2.2.4 on this runtime, and
 * the tests against a real broker say which ones come (tests/integration/kafka/security_test.ts).
 */
import type { KafkaSettings } from "./kafka_config.ts";

type Security = Pick<KafkaSettings, "tls" | "sasl">;

/** The error of `call` with the advice in its message, and itself as the cause; without one as it is. */
export async function withAdvice<T>(
  call: Promise<T>,
  advise: (error: unknown) => string | null,
): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const advice = advise(error);
    if (advice === null || !(error instanceof Error)) throw error;
    throw new Error(`${error.message} (${advice})`, { cause: error });
  }
}

/**
 * Where the broker has said what it does not like.
 *
 * @param topicVariable the one that names the topic which it was asked for
 */
export function adviceFor(
  error: unknown,
  security: Security,
  topicVariable?: string,
): string | null {
  for (let each = error; each instanceof Error; each = each.cause) {
    const advice = adviceByCode(textOf(each, "code"), security) ??
      adviceByType(textOf(each, "type"), topicVariable) ??
      adviceByName(each.name);
    if (advice !== null) return advice;
  }
  return null;
}

/**
 * The same while we connect: a connection that a broker closes then, and says nothing, may be at the wrong port.
 * A certificate of ours that is missing can look so too: the broker's alert loses the race against our next write.
 */
export function adviceOnConnect(
  error: unknown,
  security: Security,
): string | null {
  const advice = adviceFor(error, security);
  if (advice !== null || !wasClosed(error)) return advice;
  const { tls, sasl } = security;
  const wishes = [
    tls === null ? "TLS (KAFKA_TLS)" : "no TLS (KAFKA_TLS)",
    ...(tls === null ? [] : [
      `${
        tls.cert === undefined ? "our" : "another"
      } certificate (KAFKA_TLS_CERT, KAFKA_TLS_KEY)`,
    ]),
    ...(sasl === null ? ["SASL (KAFKA_SASL_MECHANISM)"] : []),
  ];
  return `should this stay: the port in KAFKA_BROKERS may want ${
    wishes.join(" or ")
  }`;
}

/** Codes of the socket and messages of kafkajs when the broker closes a connection. */
const CLOSED: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ERR_STREAM_WRITE_AFTER_END",
  "Closed connection",
  "Not connected",
]);

function wasClosed(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (CLOSED.has(each.message) || CLOSED.has(textOf(each, "code"))) {
      return true;
    }
  }
  return false;
}

/** Codes of node:net and node:tls. */
function adviceByCode(code: string, { tls }: Security): string | null {
  switch (code) {
    case "ENOTFOUND":
      return "KAFKA_BROKERS, or what a broker advertises, is a name that does not resolve here";
    // This runtime says the first of them of an expired certificate, too.
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_HAS_EXPIRED":
      return `the broker's certificate is not valid now, or of an authority that ${
        tls?.ca === undefined
          ? "this platform does not know: name it in KAFKA_TLS_CA"
          : "KAFKA_TLS_CA does not hold"
      }`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "the broker's certificate is for other names: write one of those in KAFKA_BROKERS and in the broker's advertised.listeners";
    case "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE":
    case "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN":
    case "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE":
    case "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED":
    case "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA":
      return tls?.cert === undefined
        ? "the broker asks for our certificate: set KAFKA_TLS_CERT and KAFKA_TLS_KEY"
        : "the broker does not take our certificate: KAFKA_TLS_CERT has to be signed by an authority that it trusts, and valid";
    default:
      return null;
  }
}

/** Errors of the Kafka protocol. */
function adviceByType(
  type: string,
  topicVariable = "KAFKA_TOPIC_ORDER, KAFKA_TOPIC_SAGA or KAFKA_TOPIC_DLQ",
): string | null {
  switch (type) {
    case "ILLEGAL_SASL_STATE":
      return "the port in KAFKA_BROKERS knows no SASL: name the one that does, or unset KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD";
    case "UNSUPPORTED_SASL_MECHANISM":
      return "set KAFKA_SASL_MECHANISM to one that this port of the broker has";
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return `create the topic, or correct ${topicVariable}`;
    case "TOPIC_AUTHORIZATION_FAILED":
    case "CLUSTER_AUTHORIZATION_FAILED":
      return "the user of KAFKA_SASL_USERNAME or KAFKA_TLS_CERT needs the right to write to the topic: add an ACL for it";
    default:
      return null;
  }
}

/** Errors of the client. */
function adviceByName(name: string): string | null {
  return name === "KafkaJSSASLAuthenticationError"
    ? "correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or make this user on the broker, for KAFKA_SASL_MECHANISM"
    : null;
}

function textOf(error: Error, field: "code" | "type"): string {
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : "";
}

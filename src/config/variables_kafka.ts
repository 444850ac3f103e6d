/** Variables of the Kafka publisher. */
import * as p from "./parsers.ts";
import { certificates, privateKey } from "./pem.ts";
import { optional, withDefault } from "./variable.ts";

const NUL = "\0";

/** See variables.ts. */
export const KAFKA_VARIABLES = {
  kafkaBrokers: optional(
    "KAFKA_BROKERS",
    p.brokers,
    "kafka",
    "comma list of host:port, no IPv6 addresses; none: events go to events.ndjson",
  ),
  kafkaClientId: withDefault(
    "KAFKA_CLIENT_ID",
    "oms",
    p.plainText,
    "a\nb",
    "name that brokers log",
  ),
  kafkaTopicOrder: withDefault(
    "KAFKA_TOPIC_ORDER",
    "oms.order.events",
    p.topic,
    "a/b",
    "topic of order events",
  ),
  kafkaTopicSaga: withDefault(
    "KAFKA_TOPIC_SAGA",
    "oms.saga.events",
    p.topic,
    "..",
    "topic of saga events",
  ),
  kafkaTopicDlq: withDefault(
    "KAFKA_TOPIC_DLQ",
    "oms.dlq",
    p.topic,
    "dead letters",
    "topic of events that the broker refuses for themselves",
  ),
  kafkaTls: withDefault(
    "KAFKA_TLS",
    "false",
    p.flag,
    "tls",
    "connect with TLS",
  ),
  kafkaTlsCa: optional(
    "KAFKA_TLS_CA",
    certificates,
    "-----BEGIN nothing",
    "certificates to trust: path of a PEM file, or the PEM itself",
    "certificate",
  ),
  kafkaTlsCert: optional(
    "KAFKA_TLS_CERT",
    certificates,
    "-----BEGIN nothing",
    "our certificate: path of a PEM file, or the PEM itself",
    "certificate",
  ),
  kafkaTlsKey: optional(
    "KAFKA_TLS_KEY",
    privateKey,
    "-----BEGIN nothing",
    "key of our certificate: path of a PEM file, or the PEM itself",
    "key",
  ),
  kafkaSaslMechanism: optional(
    "KAFKA_SASL_MECHANISM",
    p.oneOf("plain", "scram-sha-256", "scram-sha-512"),
    "gssapi",
    "plain, scram-sha-256 or scram-sha-512; needs user and password",
  ),
  kafkaSaslUsername: optional(
    "KAFKA_SASL_USERNAME",
    p.plainText,
    `a${NUL}`,
    "user of KAFKA_SASL_MECHANISM",
    "secret",
  ),
  kafkaSaslPassword: optional(
    "KAFKA_SASL_PASSWORD",
    p.plainText,
    `a${NUL}`,
    "password of KAFKA_SASL_MECHANISM",
    "secret",
  ),
  kafkaCompression: withDefault(
    "KAFKA_COMPRESSION",
    "none",
    p.oneOf("none", "gzip"),
    "zstd",
    "none or gzip",
  ),
} as const;

/** Errors of the test broker. */

/** The machine lacks what a broker needs; the message says what. */
export class KafkaUnavailableError extends Error {
  override readonly name = "KafkaUnavailableError";
}

/** The broker did not do what it was told; the message ends with its last log lines. */
export class BrokerError extends Error {
  override readonly name = "BrokerError";
}

/** The boundary to the Kafka client library: what a channel needs of one producer. */

export interface KafkaMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * One idempotent producer with its own connections. Nobody calls `send` while another one is under way, and
 * nobody sends anything else after a send has failed: the producer is destroyed instead.
 */
export interface KafkaProducer {
  connect(): Promise<void>;
  /** Resolves when the topic is there and may be written to; nobody calls it while a send is under way. */
  find(topic: string): Promise<void>;
  /** Resolves when all in-sync replicas have the messages. */
  send(topic: string, messages: readonly KafkaMessage[]): Promise<void>;
  /** May take arbitrarily long on a broker that does not answer. */
  disconnect(): Promise<void>;
  /** Closes the connections at once and refuses new ones: calls under way fail, nothing more is sent. */
  destroy(): void;
}

export type CreateKafkaProducer = () => KafkaProducer;

/**
 * Protocol errors that are about a record and not about the broker, the topic or our rights. Names as in the
 * Kafka protocol guide: codes 10, 18 and 87.
 */
const REFUSALS: ReadonlySet<string> = new Set([
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
]);

/** True when the broker has answered, and refuses a record for what it is. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && "type" in error &&
    typeof error.type === "string" && REFUSALS.has(error.type);
}

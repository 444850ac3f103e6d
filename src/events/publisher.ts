/**
 * The publisher port: hands records to a broker, in order, and answers only after its acknowledgement.
 *
 * `publish` is called by one relay lane at a time; after it rejected, the relay calls it again with the same
 * records. A resolved publish means: every record is in the log at least once.
 */

export interface EventRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * - `up`: the last publish was acknowledged
 * - `down`: the last one failed, or the broker cannot be reached
 * - `unknown`: nothing was tried yet
 */
export type PublisherState = "up" | "down" | "unknown";

export interface Publisher {
  /** For logs: kafka, file. */
  readonly kind: string;
  readonly state: PublisherState;
  /** Why the state is `down`; null otherwise. */
  readonly lastError: string | null;
  /**
   * Appends the records in order.
   * @throws RecordRefusedError when the broker refuses one record for itself (too large); none or some of the batch may be written
   * @throws PublishError for everything else: time-out, connection lost, not authorised, topic missing
   */
  publish(records: readonly EventRecord[], signal: AbortSignal): Promise<void>;
  /** Bounded by the caller; errors are the caller's to log. Idempotent. */
  close(): Promise<void>;
}

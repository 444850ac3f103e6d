/**
 * The publisher port: hands records to a broker, in order, and answers only after its acknowledgement.
 *
 * The lanes of the relay publish concurrently, each one batch at a time and each to its own topic (and to the
 * dead-letter topic, which they share). After a publish rejected, the lane calls it again with the same
 * records. A resolved publish means: every record is in the log at least once.
 */

/** Records in one publish. */
export const LARGEST_BATCH = 10_000;

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
   * @throws the signal's reason when aborted; the records may be written all the same
   */
  publish(records: readonly EventRecord[], signal: AbortSignal): Promise<void>;
  /**
   * Connects ahead of the first publish, looks for the topic and sets `state`, so that health knows of a broker
   * that is away, or of a topic that is missing, before the first event. Absent when there is nothing to connect to.
   * @throws PublishError when the topic cannot be written to; the signal's reason when aborted
   */
  warmUp?(topic: string, signal: AbortSignal): Promise<void>;
  /** Bounded by the caller; errors are the caller's to log. Idempotent. */
  close(): Promise<void>;
}

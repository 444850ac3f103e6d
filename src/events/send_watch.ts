/**
 * Whether a send that the client calls done has been acknowledged for every record.
 *
 * Why: kafkajs repeats a send for the brokers that have not answered yet. A partition whose leader moves, between
 * two tries, to a broker that has answered is then sent by nobody, and the send resolves (tulios/kafkajs#1303).
 *
 * Invariants: `check` passes only when each record's partition has been acknowledged, and each record stayed in its
 * partition over all tries (their number may grow under it). One send at a time.
 *
 * Not promised: no false alarm. The batch is then sent again: the same events under the same ids.
 */
import { type ICustomPartitioner, Partitioners } from "kafkajs";

/** What a broker says of a partition. */
export interface PartitionAck {
  readonly partition: number;
  /** 0: written. */
  readonly errorCode: number;
}

/** The client took a send for done that nobody has acknowledged in full. */
export class UnacknowledgedError extends Error {
  override readonly name = "UnacknowledgedError";

  constructor(what: string) {
    super(`Cannot trust the acknowledgement: ${what}; the batch is sent again`);
  }
}

export class SendWatch {
  /** By key: where it went. */
  readonly #partitions = new Map<string, number>();
  #moved = false;

  /** To be given to the producer: kafkajs' own choice, remembered. */
  readonly partitioner: ICustomPartitioner = () => {
    const choose = Partitioners.DefaultPartitioner();
    return (args) => {
      const partition = choose(args);
      const key = String(args.message.key);
      const before = this.#partitions.get(key) ?? partition;
      if (before !== partition) this.#moved = true;
      this.#partitions.set(key, partition);
      return partition;
    };
  };

  /** Before each send. */
  begin(): void {
    this.#partitions.clear();
    this.#moved = false;
  }

  /** @throws UnacknowledgedError */
  check(acks: readonly PartitionAck[]): void {
    if (this.#moved) {
      throw new UnacknowledgedError("partitions were added during the send");
    }
    const acked = new Set(
      acks.filter(({ errorCode }) => errorCode === 0)
        .map(({ partition }) => partition),
    );
    const missing = new Set(this.#partitions.values()).difference(acked);
    if (missing.size > 0) {
      throw new UnacknowledgedError(
        `no broker has answered for partition ${[...missing].join(", ")}`,
      );
    }
  }
}

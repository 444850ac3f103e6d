/** An outbox in memory and a relay on top of it, all on a fake clock. */
import type { LogFields, LogLevel } from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";
import type { BacklogSnapshot } from "../../../src/events/backlog.ts";
import { OutboxRelay } from "../../../src/events/relay.ts";
import type {
  OutboxStore,
  PublishResult,
  RelayOptions,
} from "../../../src/events/relay_ports.ts";
import type { EventTopic } from "../../../src/orders/events.ts";
import type { OutboxRow, OutboxStats } from "../../../src/storage/store.ts";
import { FakePublisher } from "../../support/fake_publisher.ts";

export class FakeOutbox implements OutboxStore {
  readonly rows: OutboxRow[] = [];
  readonly sent = new Set<number>();
  /** Of the sent. */
  readonly dead = new Set<number>();
  /** Called before each operation; throws to make it fail. */
  before: (operation: "outbox" | "markSent" | "outboxStats") => void = () => {};
  #seqs = new Map<string, number>();

  add(topic: EventTopic, order: string, createdAt = 0): OutboxRow {
    const key = `ord_${order}` as const;
    const seq = (this.#seqs.get(`${topic} ${key}`) ?? 0) + 1;
    this.#seqs.set(`${topic} ${key}`, seq);
    const eventId = `${key}:${topic}:${seq}`;
    const row: OutboxRow = {
      position: this.rows.length + 1,
      eventId,
      topic,
      key,
      seq,
      eventType: topic === "order" ? "order.created" : "saga.started",
      traceparent: null,
      value: JSON.stringify({ id: eventId, seq }),
      createdAt,
    };
    this.rows.push(row);
    return row;
  }

  async outbox(
    topic: EventTopic,
    after: number,
    limit: number,
  ): Promise<OutboxRow[]> {
    await Promise.resolve();
    this.before("outbox");
    return this.rows.filter((row) =>
      row.topic === topic && row.position > after &&
      !this.sent.has(row.position)
    ).slice(0, limit);
  }

  async markSent(
    positions: readonly number[],
    _now: number,
    deadLetters: readonly number[] = [],
  ): Promise<void> {
    await Promise.resolve();
    this.before("markSent");
    for (const position of deadLetters) this.dead.add(position);
    for (const position of positions) this.sent.add(position);
  }

  async outboxStats(): Promise<OutboxStats> {
    await Promise.resolve();
    this.before("outboxStats");
    const pending = this.rows.filter((row) => !this.sent.has(row.position));
    return {
      pending: pending.length,
      oldestCreatedAt: pending[0]?.createdAt ?? null,
      deadLetters: this.dead.size,
    };
  }
}

export const OPTIONS: RelayOptions = {
  batchSize: 3,
  maxPending: 10,
  pollIntervalMs: 1_000,
  retryDelayMs: 50,
  maxRetryDelayMs: 5_000,
  topics: { order: "oms.order.events", saga: "oms.saga.events" },
  deadLetterTopic: "oms.dlq",
};

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export class RelayFixture {
  readonly clock = new FakeClock();
  readonly log: LogLine[] = [];
  readonly attempts: PublishResult[] = [];
  readonly backlogs: BacklogSnapshot[] = [];
  readonly relay: OutboxRelay;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(
    readonly outbox = new FakeOutbox(),
    readonly publisher = new FakePublisher(),
    options: Partial<RelayOptions> = {},
  ) {
    this.relay = new OutboxRelay({
      store: outbox,
      publisher,
      clock: this.clock,
      log: (level, message, fields = {}) =>
        void this.log.push({ level, message, fields }),
      observer: {
        enqueued: () => {},
        attempt: (result) => void this.attempts.push(result),
        backlog: (backlog) => void this.backlogs.push(backlog),
      },
      options: { ...OPTIONS, ...options },
      random: () => 0.5,
    });
  }

  start(): Promise<void> {
    this.#running = this.relay.run(this.#stop.signal);
    this.#running.catch(() => {});
    return this.#running;
  }

  /** As a commit does it. */
  commit(topic: EventTopic, order: string): OutboxRow {
    const row = this.outbox.add(topic, order, this.clock.wallNow());
    this.relay.notify(1);
    return row;
  }

  async stop(): Promise<void> {
    const reason = new Error("the test stops");
    reason.name = "AbortError";
    this.#stop.abort(reason);
    await this.#running;
  }

  /** Event ids in the log, in order, duplicates included. */
  ids(topic = "oms.order.events"): string[] {
    return this.publisher.written.filter((record) => record.topic === topic)
      .map((record) => record.headers["event-id"] ?? "");
  }
}

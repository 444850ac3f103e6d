/**
 * The Store port on one SQLite file, `oms.db` in a directory that this process holds the lock of.
 *
 * Invariants:
 * - parts are taken in the order lock, header check, writer, reader and given back in reverse
 * - `commit` answers after the COMMIT (WAL, synchronous = FULL) of the batch that carried the change
 * - reads see every answered commit
 * - nothing is committed, and nothing read later than `LOOK_MS`, once oms.db was removed or replaced; the store
 *   has become unusable then
 * - another incarnation's sagas are free at once: holding the lock proves it dead
 *
 * Not promised: sharing the file with other processes, or network file systems.
 */
import { join, resolve } from "node:path";
import type { EventTopic, Generation } from "../orders/events.ts";
import type { OrderId, SagaId } from "../orders/ids.ts";
import type { Order, TimelineEntry } from "../orders/order.ts";
import type { Saga } from "../orders/saga.ts";
import { StoreFatalError, StoreUnavailableError } from "./errors.ts";
import type { Page } from "./page.ts";
import { encodeChange } from "./sqlite/encode.ts";
import { listOrders } from "./sqlite/list.ts";
import { readTimeline } from "./sqlite/timeline.ts";
import { type CommitObserver, CommitQueue } from "./sqlite/commit_queue.ts";
import { DataFiles } from "./sqlite/data_files.ts";
import { inspectHeader, prepareDirectory } from "./sqlite/directory.ts";
import { describeFailure, failureError } from "./sqlite/errors.ts";
import { HighWaterMark } from "./sqlite/high_water.ts";
import { DirectoryLock } from "./sqlite/lock.ts";
import { SqliteReader } from "./sqlite/reader.ts";
import {
  startWorker,
  type StartWriter,
  type WriterHost,
} from "./sqlite/writer_host.ts";
import type {
  ChangeSet,
  CommitResult,
  DueQuery,
  Leases,
  ListQuery,
  OutboxRow,
  OutboxStats,
  PurgeQuery,
  PurgeResult,
  SagaStats,
  Store,
  StoredAnswer,
  TimelineQuery,
  UnknownSagas,
} from "./store.ts";

export interface SqliteStoreOptions {
  /** Created (0700) when missing; holds oms.db and oms.lock. */
  readonly dir: string;
  /** This process's incarnation, unique per start, as in `Saga.owner`. */
  readonly owner: string;
  /** The operator says that the folder is a copy that shall be served from now on. Default: false. */
  readonly restored?: boolean;
  /** Called once when the store has become unusable; the process has to stop. */
  readonly onFatal: (error: StoreFatalError) => void;
  readonly observer?: CommitObserver;
  /** Gives the opening up: what was taken is given back before the promise rejects with the reason. */
  readonly signal?: AbortSignal;
  /** Where the writer runs; a worker unless a test says otherwise. */
  readonly startWriter?: StartWriter;
}

/** Between two looks at the files before a read, in ms: a look takes more than half as long as reading an order. */
const LOOK_MS = 10;

/**
 * @throws StoreOpenError the directory or the file cannot be used; nothing in it was modified
 */
export async function openSqliteStore(
  options: SqliteStoreOptions,
): Promise<Store> {
  const { signal, owner, observer, restored = false } = options;
  signal?.throwIfAborted();
  const dir = resolve(options.dir);
  prepareDirectory(dir);
  const lock = DirectoryLock.take(dir);
  let writer: WriterHost | null = null;
  try {
    const path = join(dir, "oms.db");
    inspectHeader(path);
    let died = (_: StoreFatalError) => {};
    writer = await (options.startWriter ?? startWorker)({
      path,
      owner,
      restored,
      onDeath: (error) => died(error),
    });
    signal?.throwIfAborted();
    const reader = new SqliteReader(path, owner);
    const files = new DataFiles(path);
    const { generation } = writer.identity;
    const { position } = writer.counters;
    const highWater = new HighWaterMark(dir, {
      generation: generation.number,
      position,
    });
    const queue = new CommitQueue(writer, options.onFatal, {
      commit: (seconds, batchSize) => {
        observer?.commit(seconds, batchSize);
        highWater.note(queue.counters.position);
      },
    });
    died = (error) => queue.fail(error);
    return new SqliteStore({ lock, writer, reader, queue, files, highWater });
  } catch (error) {
    try {
      await writer?.close();
    } finally {
      lock.release();
    }
    throw error;
  }
}

interface Parts {
  readonly lock: DirectoryLock;
  readonly writer: WriterHost;
  readonly reader: SqliteReader;
  readonly queue: CommitQueue;
  readonly files: DataFiles;
  readonly highWater: HighWaterMark;
}

class SqliteStore implements Store {
  readonly driver = "sqlite";
  /** The directory's lock proves every other incarnation dead. */
  readonly leases: Leases = { kind: "exclusive" };
  readonly generation: Generation;
  readonly restored: boolean;
  readonly #parts: Parts;
  #lookedAt = -Infinity;
  #closing: Promise<void> | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { generation, restored } = parts.writer.identity;
    this.generation = generation;
    this.restored = restored;
  }

  async commit(
    change: ChangeSet,
    options?: { readonly signal?: AbortSignal },
  ): Promise<CommitResult> {
    const outcome = await this.#parts.queue.submit(
      encodeChange(change, this.generation),
      options?.signal,
    );
    return outcome.kind === "conflict" ? outcome : { kind: "committed" };
  }

  order(id: OrderId): Promise<Order | null> {
    return this.#read((reader) => reader.order(id));
  }

  timeline(
    id: OrderId,
    query: TimelineQuery = {},
    options?: { readonly signal?: AbortSignal },
  ): Promise<Page<TimelineEntry>> {
    return readTimeline(id, query, (read) => this.#read(read), options?.signal);
  }

  list(
    query: ListQuery,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Page<Order>> {
    return listOrders(query, (read) => this.#read(read), options?.signal);
  }

  answer(key: string, now: number): Promise<StoredAnswer | null> {
    return this.#read((reader) => reader.answer(key, now));
  }

  saga(id: SagaId): Promise<Saga | null> {
    return this.#read((reader) => reader.saga(id));
  }

  dueSagas(query: DueQuery): Promise<Saga[]> {
    return this.#read((reader) => reader.dueSagas(query));
  }

  nextDueAt(
    versions?: DueQuery["versions"],
    after?: number,
  ): Promise<number | null> {
    return this.#read((reader) => reader.nextDueAt(versions, after));
  }

  nextSaga(orderId: OrderId): Promise<Saga | null> {
    return this.#read((reader) => reader.nextSaga(orderId));
  }

  sagaStats(): Promise<SagaStats> {
    const { open, stuck } = this.#parts.queue.counters;
    return this.#read((reader) => ({
      open,
      stuck,
      oldestUnfinishedAt: reader.oldestUnfinishedAt(),
    }));
  }

  unknownSagas(
    versions: DueQuery["versions"],
    limit: number,
  ): Promise<UnknownSagas> {
    return this.#read((reader) => reader.unknownSagas(versions, limit));
  }

  outbox(
    topic: EventTopic,
    after: number,
    limit: number,
  ): Promise<OutboxRow[]> {
    return this.#read((reader) => reader.outbox(topic, after, limit));
  }

  async markSent(
    positions: readonly number[],
    now: number,
    deadLetters: readonly number[] = [],
  ): Promise<void> {
    const { refusal } = this.#parts.queue;
    if (positions.length === 0 && refusal === null) return;
    await this.#parts.queue.submit({
      kind: "mark_sent",
      positions,
      deadLetters,
      now,
    });
  }

  outboxStats(): Promise<OutboxStats> {
    const { pending } = this.#parts.queue.counters;
    return this.#read((reader) => ({
      pending,
      oldestCreatedAt: pending === 0 ? null : reader.oldestPendingAt(),
      deadLetters: reader.deadLetters(),
    }));
  }

  newestAt(): Promise<number | null> {
    return this.#read((reader) => reader.newestAt());
  }

  async purge(query: PurgeQuery): Promise<PurgeResult> {
    const outcome = await this.#parts.queue.submit({ kind: "purge", query });
    if (outcome.kind !== "purged") throw new TypeError("A purge has counts");
    return { answers: outcome.answers, outboxRows: outcome.outboxRows };
  }

  async saveReport(report: string, now: number): Promise<void> {
    await this.#parts.queue.submit({ kind: "report", report, now });
  }

  lastReport(): Promise<string | null> {
    return this.#read((reader) => reader.lastReport());
  }

  async ping(): Promise<void> {
    const { queue } = this.#parts;
    await queue.submit({ kind: "ping" });
    if (queue.refusedChange !== null) throw queue.refusedChange;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const { queue, reader, writer, lock, highWater } = this.#parts;
    await queue.drain(
      new StoreUnavailableError(
        "Cannot use the store: it is closed; open it again",
      ),
    );
    const marked = queue.failed ? highWater.abandon() : highWater.close();
    try {
      // The last one to close writes the log back and removes it. A reader cannot, so that files which are no
      // longer what they were stay as they lie.
      if (!queue.failed) reader.close();
      await writer.close();
      reader.close();
      await marked;
    } finally {
      lock.release();
    }
  }

  // deno-lint-ignore require-await -- a throw has to become a rejection
  async #read<T>(read: (reader: SqliteReader) => T): Promise<T> {
    const { queue, reader } = this.#parts;
    this.#lookAtFiles();
    if (queue.refusal !== null) throw queue.refusal;
    try {
      return read(reader);
    } catch (error) {
      const failure = failureError(describeFailure(error, "read"));
      if (failure instanceof StoreFatalError) queue.fail(failure);
      throw failure;
    }
  }
  #lookAtFiles(): void {
    const { queue, files } = this.#parts;
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS || queue.refusal !== null) return;
    this.#lookedAt = now;
    const damage = files.damage();
    if (damage !== null) queue.fail(new StoreFatalError(damage.message));
  }
}

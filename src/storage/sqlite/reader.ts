/**
 * Reads of oms.db, on the caller's thread, through a connection of their own that cannot write.
 *
 * Invariant: opened after the writer, so it never recovers the log, and it cannot checkpoint.
 * With WAL it sees exactly what has been committed.
 *
 * Not promised: bounded time on a cold page cache.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { EventTopic } from "../../orders/events.ts";
import type { Order, TimelineEntry } from "../../orders/order.ts";
import type { Saga, SagaKind } from "../../orders/saga.ts";
import type {
  DueQuery,
  ListPosition,
  OutboxRow,
  StoredAnswer,
  UnknownSagas,
} from "../store.ts";
import { TOPICS } from "./protocol.ts";
import {
  type Columns,
  DEAD_LETTER,
  decodeAnswer,
  decodeOrder,
  decodeOutbox,
  decodeTimeline,
  int,
  intOrNull,
  text,
} from "./rows.ts";
import { decodeSaga } from "./saga_rows.ts";
import { UNFINISHED } from "./schema.ts";

/** A lock that only an outside program can hold; the event loop waits for it, so briefly. In ms. */
const BUSY_MS = 250;

/** Of texts as they are stored: of items, some 8 ms of reading. */
const PART_CHARACTERS = 1_048_576;

/** What is read in one go; it ends early with the row by which its texts pass `PART_CHARACTERS`. */
export interface Part<T> {
  readonly found: T[];
  /** There is nothing after it. */
  readonly ended: boolean;
}

const KNOWN_VERSION = `definition_version IN (SELECT value FROM json_each(
    CASE kind WHEN 'pay' THEN :pay WHEN 'cancel' THEN :cancel ELSE :refund END))`;
const FREE_HEADS = `FROM sagas AS s WHERE s.state = 'open'
  AND (s.owner IS NULL OR s.owner <> :owner)
  AND s.${KNOWN_VERSION}
  AND NOT EXISTS (SELECT 1 FROM sagas AS ahead WHERE ahead.order_id = s.order_id
    AND ahead.number < s.number AND ahead.${UNFINISHED})`;
const FREE_HEADS_ANY_VERSION = FREE_HEADS.replace(
  `AND s.${KNOWN_VERSION}`,
  "",
);

export class SqliteReader {
  readonly #db: DatabaseSync;
  readonly #owner: string;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, owner: string) {
    this.#db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
    this.#db.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF");
    // From its first read until it is closed it keeps the last writer that closes from writing the log back.
    this.#db.prepare("SELECT 1 FROM schema_info").get();
    this.#owner = owner;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  order(id: string): Order | null {
    const row = this.#sql("SELECT * FROM orders WHERE id = ?").get(id);
    return row === undefined ? null : decodeOrder(row);
  }

  /** @param after entries are numbered from 1 without gaps */
  timeline(
    orderId: string,
    after: number,
    limit: number,
  ): Part<TimelineEntry> {
    const rows = this.#sql(
      "SELECT * FROM timeline WHERE order_id = ? AND n > ? ORDER BY n LIMIT ?",
    ).iterate(orderId, after, limit);
    return partOf(rows, "reason", decodeTimeline, limit);
  }

  /** Newest first. */
  page(
    customerId: string,
    after: ListPosition,
    limit: number,
  ): Part<Order> {
    const rows = this.#sql(
      `SELECT * FROM orders WHERE customer_id = ?
       AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?`,
    ).iterate(customerId, after.createdAt, after.id, limit);
    return partOf(rows, "items", decodeOrder, limit);
  }

  answer(key: string, now: number): StoredAnswer | null {
    const row = this.#sql(
      "SELECT * FROM answers WHERE key = ? AND expires_at > ?",
    ).get(key, now);
    return row === undefined ? null : decodeAnswer(row);
  }

  saga(id: string): Saga | null {
    const row = this.#sql("SELECT * FROM sagas WHERE id = ?").get(id);
    return row === undefined ? null : decodeSaga(row);
  }

  nextSaga(orderId: string): Saga | null {
    const row = this.#sql(
      `SELECT * FROM sagas WHERE order_id = ? AND ${UNFINISHED} ORDER BY number LIMIT 1`,
    ).get(orderId);
    return row === undefined ? null : decodeSaga(row);
  }

  dueSagas(query: DueQuery): Saga[] {
    const select = (when: string, at: number, limit: number) =>
      this.#sql(
        `SELECT s.* ${FREE_HEADS} AND s.next_attempt_at ${when} :at
         ORDER BY s.next_attempt_at, s.id LIMIT :limit`,
      ).all({
        owner: this.#owner,
        at,
        limit,
        ...encodeVersions(query.versions),
      }).map(decodeSaga);
    const due = select("<=", query.now, query.limit);
    // Apart, so that each is a range of the index.
    const left = query.limit - due.length;
    return query.horizon === undefined || left === 0
      ? due
      : [...due, ...select(">", query.horizon, left)];
  }

  nextDueAt(
    versions: DueQuery["versions"] | undefined,
    after = Number.MIN_SAFE_INTEGER,
  ): number | null {
    const select = (where: string) =>
      this.#sql(
        `SELECT s.next_attempt_at AS due ${where} AND s.next_attempt_at > :after
         ORDER BY s.next_attempt_at LIMIT 1`,
      );
    const owner = this.#owner;
    const row = versions === undefined
      ? select(FREE_HEADS_ANY_VERSION).get({ owner, after })
      : select(FREE_HEADS).get({ owner, after, ...encodeVersions(versions) });
    return row === undefined ? null : int(row, "due");
  }

  oldestUnfinishedAt(): number | null {
    const row = this.#sql(
      `SELECT created_at FROM sagas WHERE ${UNFINISHED} ORDER BY created_at LIMIT 1`,
    ).get();
    return row === undefined ? null : int(row, "created_at");
  }

  unknownSagas(versions: DueQuery["versions"], limit: number): UnknownSagas {
    const unknown = `FROM sagas WHERE state = 'open' AND NOT ${KNOWN_VERSION}`;
    const row = this.#sql(
      `SELECT count(*) AS n, count(*) - count(stuck_reason) AS unflagged ${unknown}`,
    ).get(encodeVersions(versions));
    if (row === undefined) throw new TypeError("A count is a row");
    const count = int(row, "n");
    if (count === 0) return { first: [], count, unflagged: 0 };
    const first = this.#sql(
      `SELECT * ${unknown} ORDER BY created_at LIMIT :limit`,
    ).all({ limit, ...encodeVersions(versions) }).map(decodeSaga);
    return { first, count, unflagged: int(row, "unflagged") };
  }

  outbox(topic: EventTopic, after: number, limit: number): OutboxRow[] {
    return this.#sql(
      `SELECT * FROM outbox WHERE topic = ? AND sent_at IS NULL AND position > ?
       ORDER BY position LIMIT ?`,
    ).all(topic, after, limit).map(decodeOutbox);
  }

  /** Of the first row of each topic: rows of one topic come nearly in the order of their times. */
  oldestPendingAt(): number | null {
    const times = TOPICS.flatMap((topic) =>
      this.outbox(topic, 0, 1).map((row) => row.createdAt)
    );
    return times.length === 0 ? null : Math.min(...times);
  }

  deadLetters(): number {
    const row = this.#sql(
      `SELECT count(*) AS n FROM outbox WHERE ${DEAD_LETTER}`,
    ).get();
    return row === undefined ? 0 : int(row, "n");
  }

  /** Each by an index, by the 20 reports that are kept, or by the unfinished sagas, which are counted at the open, too. */
  newestAt(): number | null {
    const row = this.#sql(
      `SELECT max(at) AS at FROM (
        SELECT max(at) AS at FROM reports
        UNION ALL SELECT max(max(updated_at, ifnull(attempt_first_at, updated_at)))
          FROM sagas WHERE ${UNFINISHED}
        UNION ALL SELECT created_at FROM outbox
          WHERE position = (SELECT max(position) FROM outbox)
        UNION ALL SELECT max(sent_at) FROM outbox WHERE sent_at IS NOT NULL
        UNION ALL SELECT * FROM (
          SELECT created_at FROM answers ORDER BY expires_at DESC LIMIT 1))`,
    ).get();
    return row === undefined ? null : intOrNull(row, "at");
  }

  lastReport(): string | null {
    const row = this.#sql(
      "SELECT report FROM reports ORDER BY id DESC LIMIT 1",
    ).get();
    return row === undefined ? null : text(row, "report");
  }

  #sql(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      statement.setReadBigInts(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** @param column whose texts count */
function partOf<T>(
  rows: Iterable<Columns>,
  column: string,
  decode: (row: Columns) => T,
  limit: number,
): Part<T> {
  const found: T[] = [];
  let characters = 0;
  for (const row of rows) {
    found.push(decode(row));
    characters += text(row, column).length;
    if (characters > PART_CHARACTERS) return { found, ended: false };
  }
  return { found, ended: found.length < limit };
}

function encodeVersions(
  versions: DueQuery["versions"],
): Record<SagaKind, string> {
  return {
    pay: JSON.stringify(versions.pay),
    cancel: JSON.stringify(versions.cancel),
    refund: JSON.stringify(versions.refund),
  };
}

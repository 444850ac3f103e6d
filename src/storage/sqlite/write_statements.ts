/**
 * One request as statements inside the writer's transaction. Conditions are checked in the order of
 * src/storage/memory_state.ts, so that both stores name the same conflict; what was written before a
 * conflict shows is undone by the caller's savepoint.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { SagaKind, SagaState } from "../../orders/saga.ts";
import type { Conflict, PurgeQuery } from "../store.ts";
import type { CounterDraft } from "./counters.ts";
import type {
  ChangeWrite,
  MarkSentWrite,
  Row,
  SagaUpdateWrite,
  WriteRequest,
  WriteResult,
} from "./protocol.ts";
import { PING } from "./migrate.ts";
import {
  ANSWER_PUT,
  deadAt,
  ORDER_INSERT,
  ORDER_UPDATE,
  OUTBOX_INSERT,
  TIMELINE_INSERT,
} from "./rows.ts";
import { SAGA_INSERT, SAGA_UPDATE } from "./saga_rows.ts";
import { UNFINISHED } from "./schema.ts";

const REPORTS_KEPT = 20;
const COMMITTED: WriteResult = { kind: "committed" };

export class WriteStatements {
  readonly #owner: string;
  readonly #answer: StatementSync;
  readonly #orderInsert: StatementSync;
  readonly #orderCheck: StatementSync;
  readonly #orderUpdate: StatementSync;
  readonly #sagaInsert: StatementSync;
  readonly #sagaRead: StatementSync;
  readonly #sagaAhead: StatementSync;
  readonly #sagaUpdate: StatementSync;
  readonly #timeline: StatementSync;
  readonly #outbox: StatementSync;
  readonly #markSent: StatementSync;
  readonly #purgeAnswers: StatementSync;
  readonly #purgeOutbox: StatementSync;
  readonly #report: StatementSync;
  readonly #trimReports: StatementSync;
  readonly #ping: StatementSync;

  constructor(db: DatabaseSync, owner: string) {
    this.#owner = owner;
    this.#answer = db.prepare(ANSWER_PUT);
    this.#orderInsert = db.prepare(ORDER_INSERT);
    this.#orderCheck = db.prepare(
      "SELECT 1 FROM orders WHERE id = ? AND version = ?",
    );
    this.#orderUpdate = db.prepare(ORDER_UPDATE);
    this.#sagaInsert = db.prepare(SAGA_INSERT);
    this.#sagaRead = db.prepare(
      `SELECT order_id, number, kind, state, owner, fence,
        stuck_reason IS NOT NULL AS stuck FROM sagas WHERE id = ?`,
    );
    this.#sagaAhead = db.prepare(
      `SELECT 1 FROM sagas WHERE order_id = ? AND number < ? AND ${UNFINISHED} LIMIT 1`,
    );
    this.#sagaUpdate = db.prepare(SAGA_UPDATE);
    this.#timeline = db.prepare(TIMELINE_INSERT);
    this.#outbox = db.prepare(OUTBOX_INSERT);
    this.#markSent = db.prepare(
      "UPDATE outbox SET sent_at = ? WHERE position = ? AND sent_at IS NULL",
    );
    this.#purgeAnswers = db.prepare(
      `DELETE FROM answers WHERE key IN (
        SELECT key FROM answers WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
    );
    // The newest row stays: the next position is one more than the highest there is.
    this.#purgeOutbox = db.prepare(
      `DELETE FROM outbox WHERE position IN (
        SELECT position FROM outbox WHERE sent_at >= 0 AND sent_at < ?
        AND position < (SELECT max(position) FROM outbox)
        ORDER BY sent_at LIMIT ?)`,
    );
    this.#report = db.prepare("INSERT INTO reports (at, report) VALUES (?, ?)");
    this.#trimReports = db.prepare(
      "DELETE FROM reports WHERE id <= (SELECT max(id) FROM reports) - ?",
    );
    this.#ping = db.prepare(PING);
  }

  /** Throws what SQLite throws; `counters` is then worthless, as it is after a conflict. */
  write(request: WriteRequest, counters: CounterDraft): WriteResult {
    switch (request.kind) {
      case "change": {
        const which = this.#change(request, counters);
        return which === null ? COMMITTED : { kind: "conflict", which };
      }
      case "mark_sent":
        this.#markAll(request, counters);
        return COMMITTED;
      case "purge":
        return this.#purge(request.query);
      case "report":
        this.#report.run(request.now, request.report);
        this.#trimReports.run(REPORTS_KEPT);
        return COMMITTED;
      case "ping":
        this.#ping.run();
        return COMMITTED;
    }
  }

  #change(change: ChangeWrite, counters: CounterDraft): Conflict | null {
    if (change.answer !== null && !changed(this.#answer, change.answer)) {
      return "key_used";
    }
    if (
      change.orderInsert !== null &&
      !changed(this.#orderInsert, change.orderInsert)
    ) return "order_exists";
    if (
      change.orderCheck !== null &&
      this.#orderCheck.get(...change.orderCheck) === undefined
    ) return "order_version";
    if (
      change.orderUpdate !== null &&
      !changed(this.#orderUpdate, change.orderUpdate)
    ) return "order_version";
    if (change.sagaUpdate !== null) {
      const conflict = this.#updateSaga(change.sagaUpdate, counters);
      if (conflict !== null) return conflict;
    }
    if (change.sagaInsert !== null) {
      const { kind, state, stuck, row } = change.sagaInsert;
      this.#sagaInsert.run(...row);
      counters.saga(kind, state, stuck, 1);
    }
    for (const row of change.timeline) this.#timeline.run(...row);
    for (const row of change.outbox) {
      counters.position = Number(this.#outbox.run(...row).lastInsertRowid);
    }
    counters.pending += change.outbox.length;
    return null;
  }

  #updateSaga(
    update: SagaUpdateWrite,
    counters: CounterDraft,
  ): Conflict | null {
    const stored = this.#sagaRead.get(update.id);
    if (stored === undefined || Number(stored.fence) !== update.expectedFence) {
      return "saga_fence";
    }
    if (update.claim) {
      // The directory's lock proves every other incarnation dead; only a live holder is in the way.
      const held = stored.owner === this.#owner &&
        update.owner !== this.#owner;
      const waits = this.#sagaAhead.get(
        String(stored.order_id),
        Number(stored.number),
      ) !== undefined;
      if (stored.state !== "open" || held || waits) return "saga_not_claimable";
    }
    const kind = String(stored.kind) as SagaKind;
    counters.saga(
      kind,
      String(stored.state) as SagaState,
      Number(stored.stuck) !== 0,
      -1,
    );
    this.#sagaUpdate.run(...update.row);
    counters.saga(kind, update.state, update.stuck, 1);
    return null;
  }

  #markAll(
    { positions, deadLetters, now }: MarkSentWrite,
    counters: CounterDraft,
  ): void {
    const dead = new Set(deadLetters);
    for (const position of positions) {
      const sentAt = dead.has(position) ? deadAt(now) : now;
      const { changes } = this.#markSent.run(sentAt, position);
      counters.pending -= Number(changes);
    }
  }

  #purge(query: PurgeQuery): WriteResult {
    const answers = this.#purgeAnswers.run(
      query.answersExpiredBefore,
      query.limit,
    );
    const outbox = this.#purgeOutbox.run(query.sentBefore, query.limit);
    return {
      kind: "purged",
      answers: Number(answers.changes),
      outboxRows: Number(outbox.changes),
    };
  }
}

function changed(statement: StatementSync, row: Row): boolean {
  return Number(statement.run(...row).changes) > 0;
}

/**
 * The one writer of oms.db: a synchronous core that commits many change sets with one fsync.
 *
 * Invariants:
 * - a result other than `failed` is given only after COMMIT returned
 * - each member of a batch runs in a SAVEPOINT: a conflict undoes that member alone
 * - any error but a constraint's abandons the whole batch, because SQLite may have rolled back the whole
 *   transaction by itself (SQLITE_FULL does); nothing is run after that which could commit on its own
 * - after an I/O error or a corrupt page the writer is dead: every later batch fails as fatal
 *
 * Not promised: anything about where it runs; it blocks its thread for the time of an fsync.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { CounterDraft, countUnfinished } from "./counters.ts";
import { describeFailure, type Failure, isConstraint } from "./errors.ts";
import type {
  BatchReply,
  Counters,
  WriteRequest,
  WriteResult,
} from "./protocol.ts";
import { WriteStatements } from "./write_statements.ts";

const CLOSED: Failure = {
  class: "unavailable",
  message: "Cannot write: the store is closed; open it again",
};

export class SqliteWriter {
  readonly #db: DatabaseSync;
  readonly #statements: WriteStatements;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #undo: StatementSync;
  #counters: Counters;
  #dead: Failure | null = null;

  /**
   * @param db with the current schema; from now on the writer's alone
   * @param owner this incarnation: sagas of every other one count as free
   */
  constructor(db: DatabaseSync, owner: string) {
    this.#db = db;
    this.#statements = new WriteStatements(db, owner);
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#rollback = db.prepare("ROLLBACK");
    this.#savepoint = db.prepare("SAVEPOINT member");
    this.#release = db.prepare("RELEASE member");
    this.#undo = db.prepare("ROLLBACK TO member");
    this.#counters = countUnfinished(db);
  }

  get counters(): Counters {
    return this.#counters;
  }

  /** Never throws: what failed is in the results. */
  applyBatch(requests: readonly WriteRequest[]): BatchReply {
    if (this.#dead !== null) return this.#allFailed(requests, this.#dead);
    const draft = { counters: new CounterDraft(this.#counters) };
    try {
      this.#begin.run();
      const results = requests.map((request) => this.#member(request, draft));
      this.#commit.run();
      this.#counters = draft.counters.freeze();
      return { results, counters: this.#counters };
    } catch (error) {
      return this.#allFailed(requests, this.#abandon(error));
    }
  }

  /** Best effort to leave everything in the main file, then frees it. Idempotent. */
  close(): void {
    if (!this.#db.isOpen) return;
    if (this.#dead === null) {
      try {
        this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
      } catch {
        // The log stays beside the file and is read at the next open: nothing is lost.
      }
    }
    this.#dead ??= CLOSED;
    this.#db.close();
  }

  #member(
    request: WriteRequest,
    draft: { counters: CounterDraft },
  ): WriteResult {
    const counters = new CounterDraft(draft.counters);
    let result: WriteResult;
    this.#savepoint.run();
    try {
      result = this.#statements.write(request, counters);
    } catch (error) {
      if (!isConstraint(error) || !this.#db.isTransaction) throw error;
      const failure = describeFailure(error, "write the change set");
      result = { kind: "failed", failure };
    }
    if (result.kind === "conflict" || result.kind === "failed") {
      this.#undo.run();
    } else draft.counters = counters;
    this.#release.run();
    return result;
  }

  #abandon(error: unknown): Failure {
    let failure = describeFailure(error, "commit");
    try {
      if (this.#db.isTransaction) this.#rollback.run();
    } catch (undoing) {
      const { message } = describeFailure(undoing, "roll back");
      failure = { class: "fatal", message: `${failure.message}; ${message}` };
    }
    if (failure.class === "fatal") this.#dead = failure;
    return failure;
  }

  #allFailed(
    requests: readonly WriteRequest[],
    failure: Failure,
  ): BatchReply {
    return {
      results: requests.map(() => ({ kind: "failed", failure })),
      counters: this.#counters,
    };
  }
}

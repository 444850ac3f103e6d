/**
 * The one writer of oms.db: a synchronous core that commits many change sets with one fsync.
 *
 * Invariants:
 * - a result other than `failed` is given only after COMMIT returned
 * - each member of a batch runs in a SAVEPOINT: a conflict undoes that member alone
 * - any error but a constraint's abandons the whole batch, because SQLite may have rolled back the whole
 *   transaction by itself (SQLITE_FULL does); nothing is run after that which could commit on its own
 * - a batch is written only while the file is this incarnation's, and answered only while the files that it went to
 *   are those that the next start will find
 * - after an I/O error, a corrupt page or the end of one of these the writer is dead: every later batch fails as fatal
 *
 * Not promised: anything about where it runs; it blocks its thread for the time of an fsync.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { StoreFatalError } from "../errors.ts";
import { CounterDraft, countUnfinished } from "./counters.ts";
import type { Damage, DataFiles } from "./data_files.ts";
import { describeFailure, type Failure, isConstraint } from "./errors.ts";
import { Incarnation } from "./identity.ts";
import type {
  BatchReply,
  Counters,
  Identity,
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
  readonly #incarnation: Incarnation;
  readonly #files: DataFiles;
  readonly identity: Identity;
  #counters: Counters;
  #dead: Failure | null = null;
  #damage: Damage | null = null;

  /**
   * @param db with the current schema; from now on the writer's alone
   * @param identity written into it; sagas of every other owner count as free
   */
  constructor(db: DatabaseSync, identity: Identity, files: DataFiles) {
    this.#db = db;
    this.#files = files;
    this.identity = identity;
    this.#incarnation = new Incarnation(db, identity.owner);
    this.#statements = new WriteStatements(db, identity.owner);
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
      this.#incarnation.assertOurs();
      const results = requests.map((request) => this.#member(request, draft));
      this.#commit.run();
      this.#damage = this.#files.damage();
      if (this.#damage !== null) {
        throw new StoreFatalError(this.#damage.message);
      }
      this.#counters = draft.counters.freeze();
      return { results, counters: this.#counters };
    } catch (error) {
      return this.#allFailed(requests, this.#abandon(error));
    }
  }

  /** Best effort to leave everything in the main file, then frees it. Idempotent. */
  close(): void {
    if (!this.#db.isOpen) return;
    if (this.#dead === null || this.#isMainFileSound()) {
      try {
        // It takes what it gets: a reader outside may hold a snapshot for longer than the stop lasts.
        this.#db.exec("PRAGMA busy_timeout = 0");
        this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
      } catch {
        // The log stays beside the file and is read at the next open: nothing is lost.
      }
    }
    this.#dead ??= CLOSED;
    this.#db.close();
    this.#files.close();
  }

  /** What is only in a log that was taken away can still be brought into the main file. */
  #isMainFileSound(): boolean {
    return this.#damage !== null && this.#damage.of !== "database";
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

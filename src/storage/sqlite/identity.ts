/**
 * Whose the file is now, and how far its history reaches.
 *
 * Invariants: each start writes its incarnation before it counts or answers anything, so a process that finds
 * another one there knows that it is no longer the only writer. A generation is never used twice: a restore begins
 * one beyond the file's and beyond the high-water mark's.
 *
 * Not promised: anything about a release that knows only schema version 1; it leaves all of this alone.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoreFatalError } from "../errors.ts";
import { nextGeneration } from "../generation.ts";
import type { Identity } from "./protocol.ts";

/** The first schema version whose release puts the generation into event ids. */
const KNOWS_GENERATIONS = 2;

/** How far a store's history reaches; a later generation is further on. */
export interface Standing {
  readonly generation: number;
  /** Of the newest event; 0: there has never been one. */
  readonly position: number;
}

/** Of a file that may be new, or older than the tables. Changes nothing; throws what SQLite throws. */
export function standingOf(db: DatabaseSync): Standing {
  const identity = hasTable(db, "identity")
    ? db.prepare("SELECT generation FROM identity").get()
    : undefined;
  return {
    generation: Number(identity?.generation ?? 1),
    position: hasTable(db, "outbox") ? newestPosition(db) : 0,
  };
}

/** The newest row of the outbox stays, whatever is cleaned up. */
export function newestPosition(db: DatabaseSync): number {
  const row = db.prepare("SELECT max(position) AS newest FROM outbox").get();
  return Number(row?.newest ?? 0);
}

/**
 * From now on the file is this incarnation's, and every other one that still writes it finds out.
 *
 * @param restoredAfter the furthest generation that is known, when the file is a copy that begins another one
 */
export function takeOver(
  db: DatabaseSync,
  owner: string,
  restoredAfter: number | null,
): Identity {
  db.exec("BEGIN IMMEDIATE");
  try {
    if (restoredAfter !== null) {
      const { generation } = standingOf(db);
      const { number, tag } = nextGeneration(
        Math.max(generation, restoredAfter),
      );
      db.prepare("UPDATE identity SET generation = ?, tag = ?")
        .run(number, tag);
      // A release that does not know of generations would give ids out again.
      db.prepare(
        "UPDATE schema_info SET min_compatible = max(min_compatible, ?)",
      )
        .run(KNOWS_GENERATIONS);
    }
    db.prepare("UPDATE identity SET incarnation = ?").run(owner);
    const row = db.prepare("SELECT generation, tag FROM identity").get();
    db.exec("COMMIT");
    return {
      owner,
      generation: {
        number: Number(row?.generation),
        tag: String(row?.tag),
      },
      restored: restoredAfter !== null,
    };
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** The look that every batch takes, within its transaction. */
export class Incarnation {
  readonly #owner: string;
  readonly #read: StatementSync;

  constructor(db: DatabaseSync, owner: string) {
    this.#owner = owner;
    this.#read = db.prepare("SELECT incarnation FROM identity");
  }

  /** @throws StoreFatalError another process has taken the file over */
  assertOurs(): void {
    const incarnation = this.#read.get()?.incarnation;
    if (incarnation === this.#owner) return;
    throw new StoreFatalError(
      `Cannot commit: another process (${incarnation}) has opened this store; ` +
        `stop it or this one for good, and never remove oms.lock`,
    );
  }
}

function hasTable(db: DatabaseSync, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE name = ?")
    .get(name) !== undefined;
}

/**
 * Which schema a file has, and how it gets the one that this release needs.
 *
 * Invariants: `readSchema` changes nothing in the file. `migrate` runs in one transaction: the file has the
 * old schema or the new one. A file that is newer and still compatible is left at its version, so a
 * release can be taken back by one.
 */
import type { DatabaseSync } from "node:sqlite";
import { refuse } from "./directory.ts";
import type { Migration } from "./schema.ts";

/** A real write, for `ping` and at open. */
export const PING = "UPDATE schema_info SET pinged_at = unixepoch() * 1000";

export interface FileSchema {
  readonly version: number;
  readonly minCompatible: number;
}

/** Null for a file without a schema. Throws what SQLite throws on a broken file. */
export function readSchema(db: DatabaseSync): FileSchema | null {
  const known = db.prepare(
    "SELECT count(*) AS n FROM sqlite_master WHERE name = 'schema_info'",
  ).get();
  if (Number(known?.n) === 0) return null;
  const row = db.prepare(
    "SELECT schema_version, min_compatible FROM schema_info",
  ).get();
  return row === undefined ? null : {
    version: Number(row.schema_version),
    minCompatible: Number(row.min_compatible),
  };
}

/** @throws StoreOpenError the file needs a newer release than one that knows `supported` */
export function refuseNewer(
  path: string,
  schema: FileSchema | null,
  supported: number,
): void {
  if (schema === null || schema.minCompatible <= supported) return;
  throw refuse(
    path,
    `its schema has version ${schema.version} and needs a release that knows ` +
      `version ${schema.minCompatible}, while this one knows ${supported}`,
  );
}

/** Brings the file to the newest of `migrations`; writes nothing when it is there or beyond. */
export function migrate(
  db: DatabaseSync,
  migrations: readonly Migration[],
): void {
  const from = readSchema(db)?.version ?? 0;
  const due = migrations.filter((migration) => migration.version > from);
  const last = due.at(-1);
  if (last === undefined) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec(`
      CREATE TABLE IF NOT EXISTS schema_info (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        schema_version INTEGER NOT NULL,
        min_compatible INTEGER NOT NULL,
        pinged_at INTEGER NOT NULL
      ) STRICT`);
    for (const migration of due) db.exec(migration.sql);
    db.prepare(
      `INSERT INTO schema_info VALUES (1, ?, ?, 0) ON CONFLICT (id) DO UPDATE
       SET schema_version = excluded.schema_version,
           min_compatible = excluded.min_compatible`,
    ).run(last.version, last.minCompatible);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Writes for once: SQLite opens a file that it may not write without a word. Throws what SQLite throws. */
export function proveWritable(db: DatabaseSync): void {
  db.prepare(PING).run();
}

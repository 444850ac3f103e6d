/**
 * Opens oms.db for its writer: looks first, changes nothing that does not fit, then makes it or migrates it.
 *
 * Invariants: the look is by a read-only handle, which neither writes the file nor its log (measured: main
 * file and -wal stay byte for byte, also when the log has to be recovered). It runs before any other
 * handle of this process exists.
 */
import { DatabaseSync } from "node:sqlite";
import { StoreOpenError } from "../errors.ts";
import { refuse } from "./directory.ts";
import { CORRUPT, ERROR, NOTADB, primaryCode } from "./errors.ts";
import { type Standing, standingOf } from "./identity.ts";
import { createFile } from "./new_file.ts";
import { migrate, proveWritable, readSchema, refuseNewer } from "./migrate.ts";
import { type Migration, MIGRATIONS } from "./schema.ts";

/** Another program (a backup, the sqlite3 shell) may hold the file for this long, in ms. */
const BUSY_MS = 1_000;
/** Files up to this size are checked page by page at every start; docs/decisions.md has the cost. */
const QUICK_CHECK_BYTES = 64 * 1024 * 1024;

export interface OpenOptions {
  readonly migrations?: readonly Migration[];
  /** Told what the file holds before anything is written; may refuse by throwing StoreOpenError. */
  readonly admitted?: (found: Standing) => void;
}

const NOTHING_YET: Standing = { generation: 1, position: 0 };

/**
 * @throws StoreOpenError newer schema, broken file, not admitted, or no way to write it; the message says which and
 * where
 */
export function openForWriting(
  path: string,
  { migrations = MIGRATIONS, admitted }: OpenOptions = {},
): DatabaseSync {
  const found = inspect(path, migrations);
  const empty = found === null;
  admitted?.(found ?? NOTHING_YET);
  let db: DatabaseSync;
  try {
    if (empty) createFile(path);
    db = new DatabaseSync(path, { timeout: BUSY_MS });
  } catch (error) {
    throw cannotOpen(path, error);
  }
  try {
    // temp_store: savepoints keep page images; in files they cost a third of a batch and need a writable /tmp.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA trusted_schema = OFF;
      PRAGMA cell_size_check = ON;
      PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY;
      PRAGMA journal_size_limit = 67108864;
    `);
    const mode = db.prepare("PRAGMA journal_mode").get()?.journal_mode;
    if (mode !== "wal") {
      throw new Error(`the file system does not support WAL (got ${mode})`);
    }
    migrate(db, migrations);
    proveWritable(db);
    return db;
  } catch (error) {
    db.close();
    throw cannotOpen(path, error);
  }
}

/** Null for a file that has to be made. */
function inspect(
  path: string,
  migrations: readonly Migration[],
): Standing | null {
  let bytes = 0;
  try {
    bytes = Deno.statSync(path).size;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw cannotOpen(path, error);
  }
  if (bytes === 0) {
    // It would be replaced by a new file, on the wrong disk.
    if (isLink(path)) {
      throw refuse(path, "it is a link to a file that is missing or empty");
    }
    return null;
  }
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
    refuseNewer(path, readSchema(db), migrations.at(-1)?.version ?? 0);
    if (bytes <= QUICK_CHECK_BYTES) {
      const verdict = db.prepare("PRAGMA quick_check(1)").get()?.quick_check;
      if (verdict !== "ok") throw refuse(path, `it is damaged (${verdict})`);
    }
    return standingOf(db);
  } catch (error) {
    if (error instanceof StoreOpenError) throw error;
    const code = primaryCode(error);
    if (code === CORRUPT || code === NOTADB || code === ERROR) {
      throw refuse(path, `it is damaged (${messageOf(error)})`);
    }
    throw cannotOpen(path, error);
  } finally {
    db?.close();
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw cannotOpen(path, error);
  }
}

export function cannotOpen(path: string, error: unknown): StoreOpenError {
  if (error instanceof StoreOpenError) return error;
  return new StoreOpenError(
    `Cannot open the store: ${path} cannot be opened for writing ` +
      `(${messageOf(error)}); check the rights and the free space of its ` +
      `directory, or set OMS_DATA_DIR to another one`,
    { cause: error },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

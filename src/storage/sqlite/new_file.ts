/**
 * A new oms.db: it is there whole, ours and in WAL mode, or it is not there.
 *
 * Invariants: it is made under another name and renamed. Until it is in WAL mode SQLite keeps its rollback
 * journal beside it; a process or a machine that ended then would leave a file that has to be rolled back before
 * anybody can tell whose it is. The names of all folders on the way to it are durable before it is there.
 */
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { syncDirectorySync } from "../directory_sync.ts";
import { APPLICATION_ID } from "./schema.ts";

const BESIDE = ["-journal", "-wal", "-shm"];

/** Replaces an empty file. Throws what SQLite and the file system throw. */
export function createFile(path: string): void {
  const draft = `${path}.new`;
  // What a start that was cut off has left; and what SQLite, too, throws away beside an empty file.
  for (const name of ["", ...BESIDE]) removeIfThere(`${draft}${name}`);
  for (const name of BESIDE) removeIfThere(`${path}${name}`);
  syncPath(dirname(path));
  const db = new DatabaseSync(draft);
  try {
    db.exec(`
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA journal_mode = WAL;
    `);
  } finally {
    db.close();
  }
  Deno.renameSync(draft, path);
  // Killed before this: SQLite syncs the folder, too, when the next start makes the first log.
  syncDirectorySync(dirname(path));
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Makes durable what the folder holds, and its own name, and those of all folders above it: whoever made one of
 * them may have been killed before it was synced.
 */
function syncPath(folder: string): void {
  syncDirectorySync(folder);
  const above = dirname(folder);
  if (above !== folder) syncPath(above);
}

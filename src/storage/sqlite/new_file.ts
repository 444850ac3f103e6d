/**
 * A new oms.db: it is there whole, ours and in WAL mode, or it is not there.
 *
 * Invariant: it is made under another name and renamed. Until it is in WAL mode SQLite keeps its rollback
 * journal beside it; a process or a machine that ended then would leave a file that has to be rolled back before
 * anybody can tell whose it is.
 */
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID } from "./schema.ts";

const BESIDE = ["-journal", "-wal", "-shm"];

/** Replaces an empty file. Throws what SQLite and the file system throw. */
export function createFile(path: string): void {
  const draft = `${path}.new`;
  // What a start that was cut off has left; and what SQLite, too, throws away beside an empty file.
  for (const name of ["", ...BESIDE]) removeIfThere(`${draft}${name}`);
  for (const name of BESIDE) removeIfThere(`${path}${name}`);
  syncDirectory(dirname(path));
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
  syncPath(path);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Makes the name durable, and those of all folders on the way to it: whoever made one of them may have been
 * killed before it was synced.
 */
function syncPath(path: string): void {
  const folder = dirname(path);
  syncDirectory(folder);
  if (folder !== path) syncPath(folder);
}

function syncDirectory(path: string): void {
  try {
    using directory = Deno.openSync(path);
    directory.syncSync();
  } catch {
    // Not every platform syncs directories, nor may every user read them: then it is as durable as that allows.
  }
}

/**
 * From a path to its writer: looks, refuses what must not be opened, opens, takes over, and begins to watch the
 * files.
 */
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { admit, hasHistory } from "./admission.ts";
import { DataFiles, OwnContents } from "./data_files.ts";
import { cannotOpen, openForWriting } from "./database.ts";
import { readMark } from "./high_water.ts";
import { type Standing, takeOver } from "./identity.ts";
import type { OpenedBy } from "./protocol.ts";
import { SqliteWriter } from "./writer.ts";

/**
 * @param arrange may hand another database to the writer, for tests
 * @throws StoreOpenError as `openForWriting`, or the file holds less than it did
 */
export function openWriter(
  { path, owner, restored }: OpenedBy,
  arrange: (db: DatabaseSync) => DatabaseSync = (db) => db,
): SqliteWriter {
  const mark = readMark(dirname(path));
  let restoredAfter: number | null = null;
  const admitted = (found: Standing) => {
    if (!restored) return admit(path, found, mark);
    // Without a history there is nothing that a new generation could be told from.
    if (hasHistory(path, found, mark)) restoredAfter = mark?.generation ?? 0;
  };
  const db = openForWriting(path, { admitted });
  try {
    const identity = takeOver(db, owner, restoredAfter);
    // So that the main file says whose it is, also when it is young.
    db.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
    const files = new DataFiles(path, new OwnContents(path, db, owner));
    return new SqliteWriter(arrange(db), identity, files);
  } catch (error) {
    db.close();
    throw cannotOpen(path, error);
  }
}

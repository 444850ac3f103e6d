/**
 * What can be said of the data directory and of oms.db before SQLite opens it.
 *
 * Invariant: `inspectHeader` runs under the directory lock and before any SQLite handle of this process
 * exists: closing a handle of oms.db later would drop SQLite's POSIX locks.
 */
import { StoreOpenError } from "../errors.ts";
import { APPLICATION_ID } from "./schema.ts";

const MAGIC = "SQLite format 3\0";
/** Bytes of the file header, https://sqlite.org/fileformat.html#the_database_header */
const HEADER_BYTES = 100;
const WRITE_VERSION_OFFSET = 18;
const READ_VERSION_OFFSET = 19;
const NEWEST_FORMAT = 2;
const APPLICATION_ID_OFFSET = 68;

/**
 * Creates the directory (0700) when it is missing; new_file.ts makes its name durable.
 * @throws StoreOpenError it cannot be created, or is no directory
 */
export function prepareDirectory(dir: string): void {
  try {
    if (Deno.statSync(dir).isDirectory) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return create(dir);
    throw cannotUse(dir, error);
  }
  throw new StoreOpenError(
    `Cannot open the store: ${dir} is not a directory; set OMS_DATA_DIR to one`,
  );
}

function create(dir: string): void {
  try {
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotUse(dir, error);
  }
}

function cannotUse(dir: string, error: unknown): StoreOpenError {
  const cause = error instanceof Error ? error.message : String(error);
  return new StoreOpenError(
    `Cannot open the store: ${dir} cannot be used (${cause}); give this user ` +
      `access or set OMS_DATA_DIR to a directory that it may write`,
    { cause: error },
  );
}

/** @throws StoreOpenError the file is not ours; nothing was modified */
export function inspectHeader(path: string): void {
  let header: Uint8Array;
  try {
    header = readHeader(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw cannotUse(path, error);
  }
  if (header.length === 0) return;
  const magic = new TextDecoder().decode(header.subarray(0, MAGIC.length));
  if (header.length < HEADER_BYTES || magic !== MAGIC) {
    throw refuse(path, "it is not an SQLite database, or its header is broken");
  }
  const view = new DataView(header.buffer);
  // A later write version makes SQLite open the file read-only without a word.
  for (const offset of [WRITE_VERSION_OFFSET, READ_VERSION_OFFSET]) {
    if (view.getUint8(offset) > NEWEST_FORMAT) {
      throw refuse(path, "its header is damaged or of a later SQLite");
    }
  }
  if (view.getUint32(APPLICATION_ID_OFFSET) !== APPLICATION_ID) {
    throw refuse(path, "it is the database of another program");
  }
}

function readHeader(path: string): Uint8Array {
  using file = Deno.openSync(path, { read: true });
  const header = new Uint8Array(HEADER_BYTES);
  let length = 0;
  while (length < HEADER_BYTES) {
    const n = file.readSync(header.subarray(length));
    if (n === null) break;
    length += n;
  }
  return header.slice(0, length);
}

/** The message for a file that was found unfit and left alone. */
export function refuse(path: string, why: string): StoreOpenError {
  return new StoreOpenError(
    `Cannot open the store: ${path} was left untouched because ${why}; restore ` +
      `it from a backup, move it away, or set OMS_DATA_DIR to another directory`,
  );
}

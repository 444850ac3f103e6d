/**
 * Notices that a file of the store was taken away or replaced under a running process: whatever is then written
 * goes where no later start looks.
 *
 * Invariants: `damage` compares device and inode of oms.db, its -wal and oms.lock, by name, with those at the
 * start. With `contents`, a main file that has changed must hold this incarnation's name, which no earlier copy of
 * it does: so bytes that were copied over it are told from a checkpoint, whoever made that.
 *
 * Not promised: to notice a -wal that is overwritten in place; a copy of oms.db that was made since this start and
 * is written back over it. On Windows nothing: open files cannot be removed there, and have no inode.
 */
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";

export interface Damage {
  /** Which file. A log or a lock that is gone leaves the main file sound. */
  readonly of: "database" | "log" | "lock";
  /** What happened, and the way out. */
  readonly message: string;
}

interface WatchedFile {
  readonly of: Damage["of"];
  readonly path: string;
  readonly identity: string | null;
}

export class DataFiles {
  readonly #files: readonly WatchedFile[];
  readonly #contents: OwnContents | null;

  /**
   * @param path of the main file; all three are there, as they are right
   * @param contents what tells whether the main file is this incarnation's; closed by `close`
   */
  constructor(path: string, contents: OwnContents | null = null) {
    const watched = (of: Damage["of"], path: string): WatchedFile => ({
      of,
      path,
      identity: identityOf(statOf(path)),
    });
    this.#files = [
      watched("database", path),
      // SQLite keeps it beside what a link leads to.
      watched("log", `${Deno.realPathSync(path)}-wal`),
      watched("lock", join(dirname(path), "oms.lock")),
    ];
    this.#contents = contents;
  }

  /** The first one that is found; null: all are there. Costs three calls of stat. */
  damage(): Damage | null {
    for (const file of this.#files) {
      let what: string | null;
      try {
        what = this.#whatHappenedTo(file);
      } catch (error) {
        what = `out of reach (${error})`;
      }
      if (what !== null) return damaged(file, what);
    }
    return null;
  }

  /** To be called when SQLite has closed the file: closing any other handle of it drops SQLite's locks. */
  close(): void {
    this.#contents?.close();
  }

  #whatHappenedTo({ of, path, identity }: WatchedFile): string | null {
    const info = statOf(path);
    if (identityOf(info) !== identity) {
      return info === null ? "removed" : "replaced";
    }
    if (of !== "database" || info === null) return null;
    return this.#contents?.isOverwritten(info) ? "overwritten" : null;
  }
}

/** Looks for this incarnation's name in the page of the main file where SQLite keeps it. */
export class OwnContents {
  readonly #file: Deno.FsFile;
  readonly #owner: string;
  readonly #page: { readonly at: number; readonly size: number };
  #stamp = "";
  /** Until a checkpoint has brought it there, a main file without it says nothing. */
  #seen = false;

  /** @param db has written `owner` into `identity` */
  constructor(path: string, db: DatabaseSync, owner: string) {
    const root = db.prepare(
      "SELECT rootpage FROM sqlite_master WHERE name = 'identity'",
    ).get()?.rootpage;
    const size = Number(db.prepare("PRAGMA page_size").get()?.page_size);
    this.#page = { at: (Number(root) - 1) * size, size };
    this.#owner = owner;
    this.#file = Deno.openSync(path);
  }

  isOverwritten({ mtime, size }: Deno.FileInfo): boolean {
    const stamp = `${mtime?.getTime()} ${size}`;
    if (stamp === this.#stamp) return false;
    const found = this.#find();
    this.#seen ||= found;
    if (found) this.#stamp = stamp;
    return this.#seen && !found;
  }

  close(): void {
    this.#file.close();
  }

  #find(): boolean {
    const page = new Uint8Array(this.#page.size);
    this.#file.seekSync(this.#page.at, Deno.SeekMode.Start);
    this.#file.readSync(page);
    return new TextDecoder().decode(page).includes(this.#owner);
  }
}

function damaged({ of, path }: WatchedFile, what: string): Damage {
  return {
    of,
    message: `Cannot use the store: ${path} was ${what} while the service ` +
      `ran; put the original files back, then start again`,
  };
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function identityOf(info: Deno.FileInfo | null): string | null {
  return info === null ? null : `${info.dev}:${info.ino}`;
}

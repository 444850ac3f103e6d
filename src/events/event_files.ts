/**
 * The file system, as the file publisher uses it.
 *
 * Invariants: an open file is its opener's alone, by an flock: a second process that got in without the store's
 * lock would write into the same lines. What is appended goes to the end that the file has at that moment, so a file that others cut never
 * gets a hole; a name that went is durable before a new file takes it, and a new name before `open` and
 * `moveAside` end.
 * Not promised: that files are told apart on Windows (it has no inodes here), nor that names are durable where the
 * platform does not sync folders.
 */
import { basename, dirname, join } from "node:path";
import { syncDirectory } from "../storage/directory_sync.ts";
import { nameAside } from "./rotated_name.ts";

/** On Windows a lock would keep everybody from reading. */
const LOCKS = Deno.build.os !== "windows";

/** What stands at a path. */
export interface Look {
  /** The same for the same file only, whatever its name is. */
  readonly id: string;
  readonly size: number;
}

/** An open file. */
export interface EventFile {
  readonly id: string;
  size(): Promise<number>;
  /** Fills `buffer` from `position` on, up to the end of the file; the number of bytes read. */
  readAt(buffer: Uint8Array, position: number): Promise<number>;
  truncate(size: number): Promise<void>;
  /** Appends up to all of `data`; the number of bytes taken. */
  append(data: Uint8Array): Promise<number>;
  sync(): Promise<void>;
  close(): void;
}

/** A test replaces it to run out of space, or to let others in between two calls. */
export interface EventFiles {
  /** Opens or creates. */
  open(path: string): Promise<EventFile>;
  /** Null: there is nothing of this name. */
  look(path: string): Promise<Look | null>;
  /**
   * Gives the file a name of its own beside the old one, later in the order of names than all that went before.
   * @param now epoch ms, for the name
   * @returns the new path
   */
  moveAside(path: string, now: number): Promise<string>;
}

/** Needs read and write permission for the folder. */
export const eventFiles: EventFiles = { open, look, moveAside };

async function open(path: string): Promise<EventFile> {
  const file = await openOrCreate(path);
  try {
    if (!await lock(file)) {
      throw new Error("another process is publishing to it");
    }
    await syncDirectory(dirname(path));
    const id = idOf(await file.stat());
    return {
      id,
      size: async () => (await file.stat()).size,
      readAt: (buffer, position) => readAt(file, buffer, position),
      // Windows does not let a file be cut that is open for appending only.
      truncate: (size) =>
        Deno.build.os === "windows"
          ? Deno.truncate(path, size)
          : file.truncate(size),
      append: (data) => file.write(data),
      sync: () => file.syncData(),
      close: () => {
        // A child that this process forks has a copy of the file until its exec: closing alone would not free it.
        if (LOCKS) file.unlockSync();
        file.close();
      },
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

async function lock(file: Deno.FsFile): Promise<boolean> {
  return !LOCKS || await file.tryLock(true);
}

async function openOrCreate(path: string): Promise<Deno.FsFile> {
  const options = { read: true, append: true };
  try {
    return await Deno.open(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // The file that was here may have another name by now; without this a loss of power could leave it none.
    await syncDirectory(dirname(path));
    return await Deno.open(path, { ...options, create: true });
  }
}

async function look(path: string): Promise<Look | null> {
  try {
    const info = await Deno.stat(path);
    return { id: idOf(info), size: info.size };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function moveAside(path: string, now: number): Promise<string> {
  const folder = dirname(path);
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  const aside = join(folder, nameAside(basename(path), names, now));
  await Deno.rename(path, aside);
  await syncDirectory(folder);
  return aside;
}

/** The time of birth too: the number of a file that was removed is given to the next one. */
function idOf({ dev, ino, birthtime }: Deno.FileInfo): string {
  return Deno.build.os === "windows"
    ? ""
    : `${dev}:${ino}:${birthtime?.getTime() ?? ""}`;
}

async function readAt(
  file: Deno.FsFile,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  await file.seek(position, Deno.SeekMode.Start);
  let total = 0;
  while (total < buffer.length) {
    const read = await file.read(buffer.subarray(total));
    if (read === null) break;
    total += read;
  }
  return total;
}

/**
 * Makes durable what a folder holds: a file's own sync keeps its bytes, and not the name by which it is found.
 *
 * Not promised where the platform does not sync folders, or lets this user not read one: then names are as durable
 * as the platform makes them. A disk that fails is told.
 */

/** The disk took it and could not keep it; any other error says that folders are not synced here. */
const FAILED = new Set(["EIO", "ENOSPC", "EDQUOT"]);

/** @throws the file system's error when the disk failed or is full */
export function syncDirectorySync(
  path: string,
  open: (path: string) => Pick<Deno.FsFile, "syncSync"> & Disposable = Deno
    .openSync,
): void {
  try {
    using directory = open(path);
    directory.syncSync();
  } catch (error) {
    throwIfFailed(error);
  }
}

/** @throws the file system's error when the disk failed or is full */
export async function syncDirectory(
  path: string,
  open: (path: string) => Promise<Pick<Deno.FsFile, "sync"> & Disposable> = Deno
    .open,
): Promise<void> {
  try {
    using directory = await open(path);
    await directory.sync();
  } catch (error) {
    throwIfFailed(error);
  }
}

function throwIfFailed(error: unknown): void {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (typeof code === "string" && FAILED.has(code)) throw error;
}

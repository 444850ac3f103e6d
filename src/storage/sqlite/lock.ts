/**
 * The exclusive lock on a data directory.
 *
 * Invariant: it is an flock on `oms.lock`, so the kernel frees it when the holder dies, whatever way, and
 * nothing that this process opens or closes beside it can drop it (POSIX locks on oms.db would be dropped).
 * The file stays when the lock is freed: removing it would let two processes lock two different files.
 *
 * Not promised: anything on network file systems without flock.
 */
import { join } from "node:path";
import { StoreOpenError } from "../errors.ts";

export class DirectoryLock {
  #file: Deno.FsFile | null;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** @throws StoreOpenError another process holds it, or the file cannot be written */
  static take(dir: string): DirectoryLock {
    const path = join(dir, "oms.lock");
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { read: true, write: true, create: true });
    } catch (error) {
      throw cannotWrite(path, error);
    }
    try {
      if (!file.tryLockSync(true)) throw alreadyHeld(path, holder(file));
      const text = `pid ${Deno.pid}, since ${new Date().toISOString()}\n`;
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode(text));
      return new DirectoryLock(file);
    } catch (error) {
      file.close();
      throw error instanceof StoreOpenError ? error : cannotWrite(path, error);
    }
  }

  /** Idempotent. */
  release(): void {
    // Closing alone does not free it while a child that this process forks still has its copy, until its exec.
    this.#file?.unlockSync();
    this.#file?.close();
    this.#file = null;
  }
}

function holder(file: Deno.FsFile): string {
  const buffer = new Uint8Array(128);
  const length = file.readSync(buffer) ?? 0;
  const text = new TextDecoder().decode(buffer.subarray(0, length)).trim();
  return text === "" ? "another process" : `another process (${text})`;
}

function alreadyHeld(path: string, by: string): StoreOpenError {
  return new StoreOpenError(
    `Cannot open the store: ${path} is locked by ${by}; stop that process or ` +
      `set OMS_DATA_DIR to another directory`,
  );
}

function cannotWrite(path: string, error: unknown): StoreOpenError {
  const cause = error instanceof Error ? error.message : String(error);
  return new StoreOpenError(
    `Cannot open the store: ${path} cannot be written (${cause}); make the ` +
      `directory writable for this user or set OMS_DATA_DIR to another one`,
    { cause: error },
  );
}

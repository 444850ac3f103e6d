/**
 * Publishes to a local file, one JSON object a line: for development and for single machines without a broker.
 *
 * Invariants: a batch is acknowledged only after it is written whole and synced, and the file's name with it; the
 * file holds whole lines only, whatever happened before, a loss of power too: what is torn is cut off when the
 * file is opened and after a failed write.
 * Not promised: more than the outbox already promises, which stays the durable copy; rotation; several writers
 * (the store's lock keeps a second process out of the directory).
 */
import { dirname } from "node:path";
import { syncDirectory } from "../storage/directory_sync.ts";
import { PublishError } from "./errors.ts";
import { endOfWholeLines, toLine } from "./ndjson.ts";
import type { EventRecord, Publisher, PublisherState } from "./publisher.ts";

/** The operations that the publisher needs of an open file; a test replaces them to run out of space. */
export interface EventFile {
  size(): Promise<number>;
  readAt(buffer: Uint8Array, position: number): Promise<number>;
  truncate(size: number): Promise<void>;
  /** Appends up to all of `data`; the number of bytes taken. */
  append(data: Uint8Array): Promise<number>;
  sync(): Promise<void>;
  close(): void;
}

export type OpenEventFile = (path: string) => Promise<EventFile>;

export class FilePublisher implements Publisher {
  readonly kind = "file";
  readonly #path: string;
  readonly #open: OpenEventFile;
  #file: EventFile | null = null;
  /** Bytes that are acknowledged; null when the file was not opened by this process yet. */
  #ackedSize: number | null = null;
  #state: PublisherState = "unknown";
  #lastError: string | null = null;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  /** The file is created by the first publish; its directory has to exist. */
  constructor(path: string, open: OpenEventFile = openEventFile) {
    this.#path = path;
    this.#open = open;
  }

  get state(): PublisherState {
    return this.#state;
  }

  get lastError(): string | null {
    return this.#lastError;
  }

  publish(
    records: readonly EventRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    const turn = this.#queue.then(() => this.#append(records, signal));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue;
    this.#file?.close();
    this.#file = null;
  }

  async #append(
    records: readonly EventRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const data = new TextEncoder().encode(records.map(toLine).join(""));
    try {
      if (this.#closed) throw new Error("the publisher is closed");
      this.#file ??= await this.#openAtLineEnd();
      for (let written = 0; written < data.length;) {
        written += await this.#file.append(data.subarray(written));
      }
      await this.#file.sync();
      this.#ackedSize = (this.#ackedSize ?? 0) + data.length;
      this.#state = "up";
      this.#lastError = null;
    } catch (error) {
      await this.#abandonFile();
      const reason = error instanceof Error ? error.message : String(error);
      this.#state = "down";
      this.#lastError = `Cannot append to ${this.#path}: ${reason}`;
      throw new PublishError(this.#lastError, { cause: error });
    }
  }

  async #openAtLineEnd(): Promise<EventFile> {
    const file = await this.#open(this.#path);
    try {
      const size = await file.size();
      const acked = this.#ackedSize;
      const end = acked !== null && size >= acked
        ? acked
        : await endOfWholeLines(file, size);
      if (end < size) await file.truncate(end);
      // What a killed process has left unsynced is no newer batch of ours: only one can be torn at a time.
      await file.sync();
      this.#ackedSize = end;
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Cuts off what was not acknowledged. When even that fails, the next opening does it. */
  async #abandonFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    try {
      if (this.#ackedSize !== null) await file.truncate(this.#ackedSize);
    } catch {
      // Reported already: the failed write is the cause.
    } finally {
      file.close();
    }
  }
}

/** Opens or creates the file for appending. Needs read and write permission for it. */
export async function openEventFile(path: string): Promise<EventFile> {
  const file = await Deno.open(path, {
    read: true,
    write: true,
    create: true,
  });
  try {
    await syncDirectory(dirname(path));
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    size: async () => (await file.stat()).size,
    readAt: async (buffer, position) => {
      await file.seek(position, Deno.SeekMode.Start);
      let total = 0;
      while (total < buffer.length) {
        const read = await file.read(buffer.subarray(total));
        if (read === null) break;
        total += read;
      }
      return total;
    },
    truncate: (size) => file.truncate(size),
    append: async (data) => {
      await file.seek(0, Deno.SeekMode.End);
      return await file.write(data);
    },
    sync: () => file.syncData(),
    close: () => file.close(),
  };
}

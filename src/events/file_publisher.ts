/**
 * Publishes to a local file, one JSON object a line: for development and for single machines without a broker.
 *
 * Invariants: a batch is acknowledged only after it is written whole and synced, and the file's name with it, and
 * only while the file that holds it still has that name and no other size than ours: whoever moves the file away
 * finds in it all that was acknowledged until then. The file holds whole lines only, whatever happened before, a
 * loss of power too: what is torn is cut off when the file is opened and after a failed write. Nothing is ever
 * cut to a greater length. A batch is in one file.
 * Not promised: more than the outbox already promises, which stays the durable copy; what others remove or cut
 * after the acknowledgement (a copy that is taken before the cut lacks what was acknowledged between the two);
 * progress of a second writer: it is refused for as long as the first one has the file open.
 */
import type { LogFn } from "@oms/lifecycle";
import { PublishError } from "./errors.ts";
import { type EventFile, type EventFiles, eventFiles } from "./event_files.ts";
import { endOfWholeLines, endsWithLine, toLine } from "./ndjson.ts";
import type { EventRecord, Publisher, PublisherState } from "./publisher.ts";

export interface FilePublisherOptions {
  /** Beyond that size the file is set aside before the next batch; 0: never. */
  readonly maxBytes?: number;
  /** Epoch ms. */
  readonly wallNow?: () => number;
  readonly log?: LogFn;
  readonly files?: EventFiles;
}

interface Current {
  readonly file: EventFile;
  /** Where the acknowledged lines end, which is its end. */
  end: number;
}

export class FilePublisher implements Publisher {
  readonly kind = "file";
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #wallNow: () => number;
  readonly #log: LogFn;
  readonly #files: EventFiles;
  #current: Current | null = null;
  /** The file that a failed write may have left with more than what was acknowledged. */
  #failed: { readonly id: string; readonly end: number } | null = null;
  #state: PublisherState = "unknown";
  #lastError: string | null = null;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  /** The file is created by the first publish; its directory has to exist. */
  constructor(path: string, options: FilePublisherOptions = {}) {
    this.#path = path;
    this.#maxBytes = options.maxBytes ?? 0;
    this.#wallNow = options.wallNow ?? Date.now;
    this.#log = options.log ?? (() => {});
    this.#files = options.files ?? eventFiles;
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
    this.#letGo();
  }

  async #append(
    records: readonly EventRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const data = new TextEncoder().encode(records.map(toLine).join(""));
    try {
      if (this.#closed) throw new Error("the publisher is closed");
      const current = await this.#ready(data.length);
      if (data.length > 0) {
        await this.#write(current, data);
        await this.#confirm(current, data.length);
      }
      this.#state = "up";
      this.#lastError = null;
    } catch (error) {
      this.#letGo();
      const reason = error instanceof Error ? error.message : String(error);
      this.#state = "down";
      this.#lastError = `Cannot append to ${this.#path}: ${reason}`;
      throw new PublishError(this.#lastError, { cause: error });
    }
  }

  /** The file that has the name now, at the end of its whole lines, with room for so many bytes. */
  async #ready(bytes: number): Promise<Current> {
    if (this.#current !== null) await this.#letGoOfChanged(this.#current);
    this.#current ??= await this.#openAtLineEnd();
    const { end } = this.#current;
    if (this.#maxBytes > 0 && end > 0 && end + bytes > this.#maxBytes) {
      const aside = await this.#files.moveAside(this.#path, this.#wallNow());
      this.#log("info", "event file is full, a new one is begun", {
        path: this.#path,
        full: aside,
        size: end,
      });
      this.#letGo();
      this.#current = await this.#openAtLineEnd();
    }
    return this.#current;
  }

  /** Somebody else has moved, removed, replaced, cut or written to the file since the last batch. */
  async #letGoOfChanged({ file, end }: Current): Promise<void> {
    const seen = await this.#files.look(this.#path);
    if (seen?.id !== file.id) {
      this.#log("info", "event file was moved or removed, a new one is begun", {
        path: this.#path,
        acknowledged: end,
      });
    } else if (seen.size !== end) {
      this.#log("warn", "event file was changed by another program", {
        path: this.#path,
        size: seen.size,
        acknowledged: end,
      });
    } else return;
    this.#letGo();
  }

  async #openAtLineEnd(): Promise<Current> {
    const file = await this.#files.open(this.#path);
    try {
      const acked = this.#failed?.id === file.id ? this.#failed.end : Infinity;
      for (;;) {
        const size = await file.size();
        const end = await endOfWholeLines(file, Math.min(size, acked));
        if (end < size) await file.truncate(end);
        // Cut by somebody else meanwhile, the file is shorter now, or was lengthened by our own cut.
        const settled = await file.size() === end &&
          await endsWithLine(file, end);
        if (!settled) continue;
        // What a killed process has left unsynced is no newer batch of ours: only one can be torn at a time.
        await file.sync();
        this.#failed = null;
        return { file, end };
      }
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** When it fails, what it has written is cut off; when even that fails, the next opening does it. */
  async #write({ file, end }: Current, data: Uint8Array): Promise<void> {
    try {
      for (let written = 0; written < data.length;) {
        written += await file.append(data.subarray(written));
      }
      await file.sync();
    } catch (error) {
      this.#failed = { id: file.id, end };
      try {
        if (await file.size() > end) await file.truncate(end);
      } catch {
        // Reported already: the failed write is the cause.
      }
      throw error;
    }
  }

  /** Lines that went into a file that was moved or cut meanwhile may be in no copy of it: they are written again. */
  async #confirm(current: Current, bytes: number): Promise<void> {
    const seen = await this.#files.look(this.#path);
    const end = current.end + bytes;
    if (seen?.id !== current.file.id || seen.size !== end) {
      throw new Error(
        "another program moved or changed the file during the write; the batch is written again",
      );
    }
    current.end = end;
  }

  #letGo(): void {
    this.#current?.file.close();
    this.#current = null;
  }
}

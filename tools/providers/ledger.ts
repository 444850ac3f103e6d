/**
 * What the simulated providers have done: one line of NDJSON an answer, for good.
 *
 * Invariants: an answer is synced to the file before anybody hears of it; a key has one answer for ever, also
 * across restarts and kills; a torn last line is cut off on opening, nobody has heard of it.
 * Not promised: a judgement. Whoever reads the ledger decides whether the effects are right.
 */

import { dirname } from "node:path";
import { wholeLines } from "../load/ndjson.ts";

export type Operation = "charge" | "refund" | "reserve" | "release";

export interface LedgerEntry {
  readonly key: string;
  readonly operation: Operation;
  readonly order_id: string;
  /** Charges and refunds; decimal string. */
  readonly amount_minor?: string;
  readonly currency?: string;
  /** Releases: the reservation's id, or the key of the call that made it. */
  readonly reservation_id?: string;
  readonly result: "done" | "declined";
  /** The effect's id; empty when declined. */
  readonly id: string;
  /** Why it was declined. */
  readonly reason?: string;
  /** RFC 3339. */
  readonly at: string;
  /** The request as it came: the same key with other bytes is an error of the caller. */
  readonly request: string;
}

interface PendingWrite {
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

const NEWLINE = 0x0a;

export class Ledger implements AsyncDisposable {
  readonly #file: Deno.FsFile;
  readonly #entries: LedgerEntry[];
  readonly #byKey = new Map<string, LedgerEntry>();
  /** Reservations by their id and by their key, each to its key. */
  readonly #reserved = new Map<string, string>();
  /** Keys of reservations that are given back. */
  readonly #released = new Set<string>();
  #queue: PendingWrite[] = [];
  #writing: Promise<void> | null = null;

  private constructor(file: Deno.FsFile, entries: LedgerEntry[]) {
    this.#file = file;
    this.#entries = entries;
    for (const entry of entries) this.#index(entry);
  }

  /** Opens or creates the ledger at `path`, and the folder that it lies in. */
  static async open(path: string): Promise<Ledger> {
    await Deno.mkdir(dirname(path), { recursive: true });
    const file = await Deno.open(path, {
      read: true,
      write: true,
      create: true,
    });
    try {
      const bytes = new Uint8Array((await file.stat()).size);
      for (let filled = 0; filled < bytes.length;) {
        const read = await file.read(bytes.subarray(filled));
        if (read === null) break;
        filled += read;
      }
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      await file.truncate(end);
      await file.seek(end, Deno.SeekMode.Start);
      const lines = wholeLines(new TextDecoder().decode(bytes));
      return new Ledger(file, lines.map(parseEntry));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  find(key: string): LedgerEntry | undefined {
    return this.#byKey.get(key);
  }

  /** Whether a reservation is there to be released. @param name its id, or its key */
  holds(name: string): boolean {
    const key = this.#reserved.get(name);
    return key !== undefined && !this.#released.has(key);
  }

  #index(entry: LedgerEntry): void {
    const { key, operation, result, id, reservation_id: name } = entry;
    this.#byKey.set(key, entry);
    if (result !== "done") return;
    if (operation === "reserve") {
      for (const known of [id, key]) this.#reserved.set(known, key);
    } else if (operation === "release" && name !== undefined) {
      this.#released.add(this.#reserved.get(name) ?? name);
    }
  }

  /** Resolves when the entry is on stable storage. Entries that come together share one sync. */
  append(entry: LedgerEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        line: `${JSON.stringify(entry)}\n`,
        done: () => {
          this.#entries.push(entry);
          this.#index(entry);
          resolve();
        },
        failed: reject,
      });
      this.#writing ??= this.#write();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    this.#file.close();
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0);
      try {
        const data = new TextEncoder().encode(
          batch.map(({ line }) => line).join(""),
        );
        for (let written = 0; written < data.length;) {
          written += await this.#file.write(data.subarray(written));
        }
        await this.#file.syncData();
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#writing = null;
  }
}

function parseEntry(line: string): LedgerEntry {
  const entry: unknown = JSON.parse(line);
  if (typeof entry !== "object" || entry === null || !("key" in entry)) {
    throw new Error(`Cannot read the ledger: not an entry (received ${line})`);
  }
  // The ledger's own lines: written by `append`, whole by the newline.
  return entry as LedgerEntry;
}

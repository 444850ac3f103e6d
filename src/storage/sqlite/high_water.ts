/**
 * The high-water mark, `oms.mark` beside the database: how far the history has been durable at least. A start
 * compares it with what it finds.
 *
 * Invariants: it only ever says what has been committed before its writing began. It is written at most once a
 * second, beside the commits and never before an answer; what was noted in between follows. The file is whole, old or
 * new: a draft is synced before it takes the name. The rename itself is not synced: a loss of power may bring an
 * earlier mark back, which is true as well.
 *
 * Not promised: that it can be written, on a full disk for instance; then it stays behind, and is tried again with
 * the next commit.
 */
import { join } from "node:path";
import type { Standing } from "./identity.ts";

const NAME = "oms.mark";
const PERIOD_MS = 1_000;

/** Null when there is none, or none that can be read: then nothing is known. */
export function readMark(dir: string): Standing | null {
  try {
    const text = Deno.readTextFileSync(join(dir, NAME));
    const [, generation, position] = /^generation (\d+) event (\d+)\n$/
      .exec(text) ?? [];
    return generation === undefined || position === undefined ? null : {
      generation: Number(generation),
      position: Number(position),
    };
  } catch {
    return null;
  }
}

export class HighWaterMark {
  readonly #path: string;
  #newest: Standing;
  #written: Standing | null = null;
  #writing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  /** @param found committed already; written at once */
  constructor(dir: string, found: Standing) {
    this.#path = join(dir, NAME);
    this.#newest = found;
    this.#start();
  }

  /** @param position of the newest event that has been committed */
  note(position: number): void {
    if (position === this.#newest.position) return;
    this.#newest = { ...this.#newest, position };
    if (this.#timer === null && !this.#closed) this.#start();
  }

  /** Writes what is missing. */
  async close(): Promise<void> {
    await this.abandon();
    if (this.#newest !== this.#written) await this.#write();
  }

  /** What is missing stays so: the store is unusable. Resolves when nothing is being written any more. */
  async abandon(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#writing;
  }

  #start(): void {
    this.#writing = this.#write();
    this.#timer = setTimeout(() => void this.#again(), PERIOD_MS);
  }

  async #again(): Promise<void> {
    await this.#writing;
    this.#timer = null;
    if (this.#newest !== this.#written && !this.#closed) this.#start();
  }

  async #write(): Promise<void> {
    const mark = this.#newest;
    const draft = `${this.#path}.new`;
    try {
      {
        using file = await Deno.open(draft, { write: true, create: true });
        const text = `generation ${mark.generation} event ${mark.position}\n`;
        const bytes = new TextEncoder().encode(text);
        // A draft that a killed process has left may be longer.
        await file.truncate(bytes.length);
        for (let at = 0; at < bytes.length;) {
          at += await file.write(bytes.subarray(at));
        }
        await file.sync();
      }
      await Deno.rename(draft, this.#path);
      this.#written = mark;
    } catch {
      // Behind, and true.
    }
  }
}

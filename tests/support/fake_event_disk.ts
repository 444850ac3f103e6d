/**
 * A folder with event files in memory: with little room, failing, or with somebody else at work between two calls.
 */
import type { EventFile, EventFiles } from "../../src/events/event_files.ts";

export interface FakeFile {
  readonly id: string;
  data: Uint8Array;
}

type Call = "look" | "append" | "sync" | "truncate" | "size";

export class FakeDisk implements EventFiles {
  /** By path. */
  readonly names = new Map<string, FakeFile>();
  /** Bytes that still fit. */
  room = Infinity;
  /** Size of the last file that was synced, then. */
  synced = 0;
  failSync = false;
  failTruncate = false;
  /** A sync takes until then. */
  syncing: Promise<void> | null = null;
  opened = 0;
  closed = 0;
  /** Told of each call before it is carried out. */
  before: (call: Call) => void = () => {};
  #made = 0;

  open(path: string): Promise<EventFile> {
    this.opened += 1;
    const file = this.names.get(path) ?? this.make(path);
    return Promise.resolve({
      id: file.id,
      size: () => this.#do("size", () => file.data.length),
      readAt: (buffer: Uint8Array, position: number) => {
        const part = file.data.subarray(position, position + buffer.length);
        buffer.set(part);
        return Promise.resolve(part.length);
      },
      truncate: (size: number) =>
        this.#do("truncate", () => {
          if (this.failTruncate) throw new Error("EIO");
          cut(file, size);
        }),
      append: (data: Uint8Array) =>
        this.#do("append", () => {
          const taken = data.subarray(0, Math.min(7, this.room));
          if (taken.length === 0) throw new Error("No space left on device");
          this.room -= taken.length;
          file.data = new Uint8Array([...file.data, ...taken]);
          return taken.length;
        }),
      sync: async () => {
        await this.#do("sync", () => {});
        if (this.failSync) throw new Error("EIO");
        const size = file.data.length;
        if (size > 0) await this.syncing;
        this.synced = size;
      },
      close: () => void (this.closed += 1),
    });
  }

  look(path: string) {
    return this.#do("look", () => {
      const file = this.names.get(path);
      return file === undefined
        ? null
        : { id: file.id, size: file.data.length };
    });
  }

  moveAside(path: string, now: number): Promise<string> {
    const aside = `${path}.${now}`;
    this.rename(path, aside);
    return Promise.resolve(aside);
  }

  /** As `mv` does. */
  rename(path: string, to: string): void {
    const file = this.names.get(path);
    if (file === undefined) throw new Error(`no ${path}`);
    this.names.delete(path);
    this.names.set(to, file);
  }

  /** A new, empty file takes the name. */
  make(path: string): FakeFile {
    const file = { id: String(++this.#made), data: new Uint8Array(0) };
    this.names.set(path, file);
    return file;
  }

  file(path: string): FakeFile {
    return this.names.get(path) ?? this.make(path);
  }

  lines(path: string): string[] {
    return new TextDecoder().decode(this.file(path).data).split("\n");
  }

  /** Ids of the events in a file of whole lines. */
  ids(path: string): string[] {
    return this.lines(path).slice(0, -1).map((line) =>
      JSON.parse(line).value.id
    );
  }

  async #do<T>(call: Call, run: () => T): Promise<T> {
    await Promise.resolve();
    this.before(call);
    return run();
  }
}

/** As truncate(2) does: a greater length is filled with zero bytes. */
export function cut(file: FakeFile, size: number): void {
  const data = new Uint8Array(size);
  data.set(file.data.subarray(0, size));
  file.data = data;
}

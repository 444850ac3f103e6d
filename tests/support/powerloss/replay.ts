/**
 * One process's trace played onto a disk, up to any line of it.
 *
 * Invariant: a call that touches the disk in a way that is not modelled is an error, never left out. SQLite's
 * shared memory is the exception: it is mapped, no part of what is durable, and rebuilt by the first that opens.
 */
import { pathOf, strings, type SystemCall, type TraceEvent } from "./trace.ts";
import type { Disk } from "./disk.ts";

/** Of no weight after a loss of power. */
const VOLATILE = /-shm$/;

const nothing = () => {};

export class Replay {
  readonly #disk: Disk;
  readonly #left: (path: string) => Uint8Array;
  /** By path: descriptors are duplicated, and only one opening of a file is written to without a position. */
  readonly #positions = new Map<string, number>();
  /** Paths of files that were opened for appending. */
  readonly #appended = new Set<string>();
  readonly #endings = new Map<SystemCall, () => void>();

  /**
   * @param left what the process has left of a file: how much a call has done that the process's end cut off
   * is told by nothing else
   */
  constructor(disk: Disk, left: (path: string) => Uint8Array) {
    this.#disk = disk;
    this.#left = left;
  }

  /** To be called with the events in their order. */
  play({ kind, call }: TraceEvent): void {
    if (kind === "begin") {
      // What failed has changed nothing; what never ended may have.
      if (call.result !== null && call.result < 0) return;
      this.#endings.set(call, this.#begin(call));
    } else {
      this.#endings.get(call)?.();
      this.#endings.delete(call);
    }
  }

  #begin(call: SystemCall): () => void {
    const { name, args, result } = call;
    switch (name) {
      case "open":
      case "openat":
        return this.#open(call);
      case "mkdir":
        return this.#named(args, (path) => this.#disk.createFolder(path));
      case "unlink":
        return this.#named(args, (path) => this.#disk.remove(path));
      case "rename":
        return this.#rename(args);
      case "lseek":
        return () => this.#move(args, result ?? 0);
      case "close":
        return nothing;
      case "fsync":
      case "fdatasync":
        return result === null ? nothing : this.#disk.sync(pathOf(args) ?? "");
      case "write":
      case "writev":
      case "pwrite64":
      case "ftruncate":
        return this.#change(call);
      default:
        return this.#refuse(call);
    }
  }

  #open({ args, opened, result }: SystemCall): () => void {
    if (result === null || opened === null) return nothing;
    this.#positions.set(opened, 0);
    if (!this.#disk.holds(opened) || VOLATILE.test(opened)) return nothing;
    if (args.includes("O_TRUNC")) {
      throw new Error(`Cannot replay: openat(${args})`);
    }
    // One opening of such a file is written to: all that is written goes to its end, whatever is read of it.
    if (args.includes("O_APPEND")) this.#appended.add(opened);
    if (this.#disk.exists(opened)) return nothing;
    if (!args.includes("O_CREAT")) {
      throw new Error(`Cannot replay: nobody made ${opened}`);
    }
    return this.#disk.createFile(opened);
  }

  #named(args: string, change: (path: string) => () => void): () => void {
    const [bytes] = strings(args);
    const path = new TextDecoder().decode(bytes);
    return this.#disk.holds(path) && !VOLATILE.test(path)
      ? change(path)
      : nothing;
  }

  #rename(args: string): () => void {
    const [from = "", to = ""] = strings(args).map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    return this.#disk.holds(from) || this.#disk.holds(to)
      ? this.#disk.rename(from, to)
      : nothing;
  }

  #change(call: SystemCall): () => void {
    const { name, args, result } = call;
    const path = pathOf(args);
    if (path === null || !this.#disk.holds(path)) return nothing;
    if (VOLATILE.test(path)) return nothing;
    const last = lastNumber(args);
    if (name === "ftruncate") {
      const ran = result !== null || this.#left(path).length === last;
      return ran ? this.#disk.resize(path, last) : nothing;
    }
    const data = joined(strings(args));
    const at = name === "pwrite64"
      ? last
      : this.#appended.has(path)
      ? this.#disk.size(path)
      : this.#positions.get(path);
    if (at === undefined) {
      throw new Error(`Cannot replay: no position for ${name}(${args})`);
    }
    const length = result ??
      sameLength(data, this.#left(path).subarray(at));
    if (name !== "pwrite64") this.#positions.set(path, at + length);
    return this.#disk.write(path, at, data.subarray(0, length));
  }

  #move(args: string, position: number): void {
    const path = pathOf(args);
    if (path !== null) this.#positions.set(path, position);
  }

  #refuse({ name, args }: SystemCall): () => void {
    const touches = [
      ...[...args.matchAll(/<([^>]*)>/g)].map(([, path = ""]) => path),
      ...strings(args).map((bytes) => new TextDecoder().decode(bytes)),
    ].some((path) => this.#disk.holds(path) && !VOLATILE.test(path));
    const harmless = !touches ||
      name === "mmap" && !args.includes("MAP_SHARED");
    if (harmless && name !== "io_uring_setup") return nothing;
    throw new Error(`Cannot replay: ${name}(${args.slice(0, 200)})`);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** How many bytes at the beginning are the same. */
function sameLength(a: Uint8Array, b: Uint8Array): number {
  const different = a.findIndex((byte, index) => byte !== b[index]);
  return different < 0 ? a.length : different;
}

function lastNumber(args: string): number {
  const [, digits] = /(\d+)$/.exec(args) ?? [];
  if (digits === undefined) throw new Error(`Cannot replay: (${args})`);
  return Number(digits);
}

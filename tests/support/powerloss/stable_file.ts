/**
 * One file as a disk holds it: what is certain, and what was written since.
 *
 * Invariants: a change that had ended when a sync began is certain once that sync has ended, and no other ever
 * is. What of the others is there after a loss of power is chance, sector by sector: a sector holds what it held
 * after some number of the changes, so never a mixture that no page cache could have written. The size is
 * chance of its own: where it grew without its data there are zeros.
 *
 * Assumes that a sector is written whole or not at all, and that a write leaves its neighbours alone (what
 * SQLite calls powersafe overwrite).
 */
import type { Random } from "../simulation/random.ts";

export const SECTOR_BYTES = 512;

/** What was asked for; `ended`: the call has returned. */
export type FileChange =
  & (
    | {
      readonly kind: "write";
      readonly offset: number;
      readonly data: Uint8Array;
    }
    | { readonly kind: "resize"; readonly size: number }
  )
  & { ended: boolean };

type Bytes = Uint8Array<ArrayBuffer>;

export class StableFile {
  #certain: Bytes = new Uint8Array(0);
  #changes: FileChange[] = [];
  #size = 0;

  /** As the running system sees it. */
  get size(): number {
    return this.#size;
  }

  get uncertain(): number {
    return this.#changes.length;
  }

  change(change: FileChange): void {
    [this.#size = 0] = sizesAfter(this.#size, [change]);
    this.#changes.push(change);
  }

  /** To be called when a sync begins; what it returns, when that sync has ended well. */
  sync(): () => void {
    const all = this.#changes;
    const open = all.findIndex(({ ended }) => !ended);
    const covered = new Set(open < 0 ? all : all.slice(0, open));
    return () => {
      const now = this.#changes.filter((change) => covered.has(change));
      this.#certain = after(this.#certain, now);
      this.#changes = this.#changes.filter((change) => !covered.has(change));
    };
  }

  /** As the running system sees it. */
  current(): Bytes {
    return after(this.#certain, this.#changes);
  }

  /** After a loss of power. */
  image(random: Random): Bytes {
    const changes = this.#changes;
    if (changes.length === 0) return this.#certain.slice();
    const some = random.int(0, changes.length);
    switch (random.pick(["none", "all", "first", "torn", "scattered"])) {
      case "none":
        return this.#certain.slice();
      case "all":
        return this.current();
      case "first":
        return after(this.#certain, changes.slice(0, some));
      case "torn": {
        const whole = after(this.#certain, changes.slice(0, some));
        return scattered(whole, changes.slice(some, some + 1), random);
      }
      default:
        return scattered(this.#certain, changes, random);
    }
  }
}

function sizesAfter(before: number, changes: readonly FileChange[]): number[] {
  let size = before;
  return changes.map((change) => {
    size = change.kind === "resize"
      ? change.size
      : Math.max(size, change.offset + change.data.length);
    return size;
  });
}

/** Every change made whole, in order. */
function after(before: Bytes, changes: readonly FileChange[]): Bytes {
  return apply(before, changes, () => changes.length);
}

/** Each sector as after a number of changes of its own, and so the size. */
function scattered(
  before: Bytes,
  changes: readonly FileChange[],
  random: Random,
): Bytes {
  const reached = new Map<number, number>();
  const result = apply(before, changes, (sector) => {
    const known = reached.get(sector) ?? random.int(0, changes.length);
    reached.set(sector, known);
    return known;
  });
  const sizes = [before.length, ...sizesAfter(before.length, changes)];
  const size = random.pick(sizes);
  const sized = new Uint8Array(size);
  sized.set(result.subarray(0, size));
  return sized;
}

/** @param reached how many of the changes have got to a sector */
function apply(
  before: Bytes,
  changes: readonly FileChange[],
  reached: (sector: number) => number,
): Bytes {
  const sizes = sizesAfter(before.length, changes);
  const bytes = new Uint8Array(Math.max(before.length, ...sizes));
  bytes.set(before);
  changes.forEach((change, index) => {
    const from = change.kind === "write" ? change.offset : change.size;
    const to = change.kind === "write"
      ? change.offset + change.data.length
      : bytes.length;
    for (let start = from; start < to;) {
      const sector = Math.floor(start / SECTOR_BYTES);
      const end = Math.min(to, (sector + 1) * SECTOR_BYTES);
      if (index < reached(sector)) {
        if (change.kind === "resize") bytes.fill(0, start, end);
        else {
          bytes.set(change.data.subarray(start - from, end - from), start);
        }
      }
      start = end;
    }
  });
  return bytes.slice(0, sizes.at(-1) ?? before.length);
}

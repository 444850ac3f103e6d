/**
 * A page of a longer list: the one place that decides where it ends, for every store.
 *
 * Invariant: the first item is on it, however large, so that whoever pages gets on; nothing else passes the size.
 */

/** What fits, in the list's order. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The list goes on after it. */
  readonly more: boolean;
}

/** Where a page ends, at the latest. */
export interface PageLimits {
  /** Items. Absent: no such end. */
  readonly limit?: number;
  /** Bytes. Absent: no such end. */
  readonly maxBytes?: number;
}

/** Takes a list's items in turn until one is on the next page. */
export class PageBuilder<T> {
  readonly #items: T[] = [];
  readonly #limit: number;
  readonly #maxBytes: number;
  readonly #sizeOf: (item: T) => number;
  #bytes = 0;

  /** @param sizeOf in bytes; asked once for each item, and not at all without `maxBytes` */
  constructor(limits: PageLimits, sizeOf: (item: T) => number) {
    this.#limit = limits.limit ?? Infinity;
    this.#maxBytes = limits.maxBytes ?? Infinity;
    this.#sizeOf = sizeOf;
  }

  /** How many items have to be seen, still, to know that the page is full. */
  get wanted(): number {
    return this.#limit + 1 - this.#items.length;
  }

  get length(): number {
    return this.#items.length;
  }

  /** False: the item is on the next page, and this one is full. */
  add(item: T): boolean {
    if (this.wanted <= 1) return false;
    if (this.#maxBytes < Infinity) {
      this.#bytes += this.#sizeOf(item);
      if (this.#bytes > this.#maxBytes && this.length > 0) return false;
    }
    this.#items.push(item);
    return true;
  }

  build(more: boolean): Page<T> {
    return { items: this.#items, more };
  }
}

/** The page of a list that is all there. */
export function pageOf<T>(
  list: Iterable<T>,
  limits: PageLimits,
  sizeOf: (item: T) => number,
): Page<T> {
  const page = new PageBuilder(limits, sizeOf);
  for (const item of list) if (!page.add(item)) return page.build(true);
  return page.build(false);
}

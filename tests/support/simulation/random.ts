import { between, seededRandom } from "../../../tools/load/random.ts";

/** Chance from a seed: the same seed draws the same numbers, on every machine. */
export class Random {
  /** In [0, 1). */
  readonly next: () => number;

  /** @param seed any integer; its lowest 32 bits count */
  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  /** An integer in [from, to]. */
  int(from: number, to: number): number {
    return between(this.next, from, to);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @throws Error when there is nothing to choose from */
  pick<T>(from: readonly T[]): T {
    const [chosen] = from.slice(this.int(0, from.length - 1));
    if (chosen === undefined) throw new Error("Nothing to choose from");
    return chosen;
  }

  /** One of the names, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    let sum = 0;
    for (const name in weights) sum += weights[name];
    let left = this.next() * sum;
    for (const name in weights) {
      left -= weights[name];
      if (left < 0) return name;
    }
    throw new Error("Nothing has a weight");
  }
}

/** Chance that can be repeated: everything a run decides at random follows from its seed. */

/** Uniform in [0, 1). */
export type Random = () => number;

/** Small and fast; from "Mulberry32", Tommy Ettinger, public domain. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** For a run whose seed nobody gave: short enough to be typed again; never 0. */
export function randomSeed(): number {
  return 1 + (crypto.getRandomValues(new Uint16Array(1))[0] ?? 0);
}

/** Whole number in [from, to]. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** One of them; the list must not be empty. */
export function oneOf<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}

/**
 * Chance that repeats: a number in [0, 1) that depends on its words alone.
 *
 * Not promised: anything cryptographic.
 */

/** FNV-1a over UTF-16 units, then the finaliser of MurmurHash3, twice with different starts for 53 bits. */
export function chance(...words: readonly string[]): number {
  const text = words.join("\u0000");
  const high = mix(fnv1a(text, 0x811c9dc5)) >>> 5;
  const low = mix(fnv1a(text, 0x9747b28c)) >>> 6;
  return (high * 2 ** 26 + low) / 2 ** 53;
}

function fnv1a(text: string, start: number): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash;
}

function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

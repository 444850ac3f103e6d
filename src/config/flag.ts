/** Words that mean true or false: one place for the table of variables and for what is read before it. */

const WORDS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

/** In any case, blanks around it aside; undefined for any other text. */
export function parseFlag(text: string): boolean | undefined {
  return WORDS.get(text.trim().toLowerCase());
}

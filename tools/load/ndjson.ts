/** NDJSON files that a process appends to, and in the middle of which it may be killed. */

/** The whole lines; a torn last line was never acknowledged to anybody. */
export function wholeLines(text: string): string[] {
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
}

/** Undefined when the text is not JSON: every schema refuses that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

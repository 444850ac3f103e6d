/** Whole lines of a file that is appended to; a torn last line was never acknowledged to anybody. */
export function wholeLines(path: string): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
}

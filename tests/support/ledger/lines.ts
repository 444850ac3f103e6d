import { wholeLines } from "../../../tools/load/ndjson.ts";

/** The whole lines of a file; none when there is no such file. */
export function readLines(path: string): string[] {
  try {
    return wholeLines(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

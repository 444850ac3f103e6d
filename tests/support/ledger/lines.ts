import { gunzipSync } from "node:zlib";
import { wholeLines } from "../../../tools/load/ndjson.ts";

/** The whole lines of a file, one that was packed by gzip too; none when there is no such file. */
export function readLines(path: string): string[] {
  try {
    return wholeLines(
      path.endsWith(".gz")
        ? new TextDecoder().decode(gunzipSync(Deno.readFileSync(path)))
        : Deno.readTextFileSync(path),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

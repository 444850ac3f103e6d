/**
 * Whether a store may be opened as it lies there, judged before anything is written.
 *
 * Invariant: a store that holds less than was durable before is refused: one that is gone, one whose log is gone,
 * an older copy. It is told by the high-water mark, which works with every publisher, and by events.ndjson. Only the
 * operator can say that a copy shall be served.
 *
 * Not promised: to notice a folder that was restored as a whole, which looks like itself; the operator says so. What
 * was lost of the second before the mark's last writing.
 */
import { dirname, join } from "node:path";
import { StoreOpenError } from "../errors.ts";
import type { Standing } from "./identity.ts";

const WAY_OUT =
  "put the right oms.db back together with its oms.db-wal; or, if this is a " +
  "backup that shall be served from now on, set OMS_STORE_RESTORED=true for " +
  "one start; or, to begin anew, move oms.mark and events.* away, too";

/** @throws StoreOpenError the history that lies beside the file reaches further than the file */
export function admit(
  path: string,
  found: Standing,
  mark: Standing | null,
): void {
  if (mark !== null && isBehind(found, mark)) {
    throw refused(
      path,
      `it is behind its high-water mark (${tell(found)}; oms.mark says ${
        tell(mark)
      })`,
    );
  }
  if (found.position === 0 && hasEvents(path)) {
    throw refused(
      path,
      "it has no event, and events.ndjson beside it, or a file set aside from it, has",
    );
  }
}

/** Whether there is anything of which a restore could be the continuation. */
export function hasHistory(
  path: string,
  found: Standing,
  mark: Standing | null,
): boolean {
  return found.position > 0 || mark !== null || hasEvents(path);
}

function isBehind(found: Standing, mark: Standing): boolean {
  return found.generation === mark.generation
    ? found.position < mark.position
    : found.generation < mark.generation;
}

/** In the file, or in one that it has become: by our rotation, or by somebody else's. */
function hasEvents(path: string): boolean {
  const dir = dirname(path);
  return [...Deno.readDirSync(dir)].some(({ name, isFile }) =>
    isFile && name.startsWith("events.") &&
    Deno.statSync(join(dir, name)).size > 0
  );
}

function tell({ generation, position }: Standing): string {
  return `generation ${generation}, event ${position}`;
}

function refused(path: string, why: string): StoreOpenError {
  return new StoreOpenError(
    `Cannot open the store: ${path} was left untouched because ${why}: what was ` +
      `acknowledged is missing; ${WAY_OUT}`,
  );
}

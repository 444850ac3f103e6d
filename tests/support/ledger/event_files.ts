/**
 * Every file that holds published events, in the order in which they were written.
 *
 * Known are names that the service gives (`events.20261201T031500123Z.ndjson`: they rise), and names that others
 * put behind the first one (`events.ndjson.1`, `events.ndjson-20261201.gz`: by the time of the last change).
 * Not promised: an order between the two kinds; those of others count as older.
 */
import { basename, dirname, extname, join } from "node:path";

export function eventFiles(path: string): string[] {
  const folder = dirname(path);
  const name = basename(path);
  const end = extname(name);
  const start = `${name.slice(0, -end.length)}.`;
  const names = namesIn(folder).filter((each) => each !== name);
  const others = names.filter((each) => each.startsWith(name))
    .map((each) => ({ each, at: changedAt(join(folder, each)) }))
    .sort((a, b) => a.at - b.at || (a.each < b.each ? -1 : 1))
    .map(({ each }) => each);
  const own = names.filter((each) =>
    each.startsWith(start) && each.endsWith(end)
  ).sort();
  return [...others, ...own, name].map((each) => join(folder, each));
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function changedAt(path: string): number {
  return Deno.statSync(path).mtime?.getTime() ?? 0;
}

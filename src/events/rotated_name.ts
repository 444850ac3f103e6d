/**
 * Names of event files that are full: `events.20261201T031500123Z.ndjson`, the time at which it was set aside.
 *
 * Invariant: names rise in the order in which the files were set aside, also when the clock does not.
 */
import { extname } from "node:path";

const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/;

/**
 * @param name of the file that is set aside
 * @param taken names in its folder
 * @param now epoch ms
 */
export function nameAside(
  name: string,
  taken: readonly string[],
  now: number,
): string {
  const end = extname(name);
  const start = name.slice(0, name.length - end.length);
  const times = taken
    .filter((each) => each.startsWith(`${start}.`) && each.endsWith(end))
    .map((each) => timeOf(each.slice(start.length + 1, -end.length)));
  const newest = Math.max(...times, -Infinity);
  const stamp = new Date(Math.max(now, newest + 1)).toISOString()
    .replaceAll(/[-:.]/g, "");
  return `${start}.${stamp}${end}`;
}

function timeOf(stamp: string): number {
  if (!STAMP.test(stamp)) return -Infinity;
  return Date.parse(stamp.replace(STAMP, "$1-$2-$3T$4:$5:$6.$7Z"));
}

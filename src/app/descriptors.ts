/**
 * How many descriptors this process can still have, and what of them connections may take.
 *
 * The limit itself cannot be read without every permission, so it is tried out: files are opened until it fails, and
 * closed again. Meant for the start, where nobody else needs one: for a moment none may be left.
 *
 * Not promised: that they are still there later. What the store, the broker and the providers are known to open comes
 * out of what is kept back for them.
 */

/** Kept back for what is not a connection of a client: the store, the broker, files. */
const KEPT = 64;

/** A descriptor costs nothing there, and reading it needs no permission. */
const NOTHING = Deno.build.os === "windows" ? "NUL" : "/dev/null";

/** How many more descriptors there are, `wanted` at the most. */
export function freeDescriptors(wanted: number): number {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < wanted) files.push(Deno.openSync(NOTHING));
  } catch {
    // That was the last one.
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}

/**
 * Connections that each of the ports may hold at once: as configured, or, where descriptors are fewer, its share of
 * what is left when KEPT and `others` (half of all at the most) are kept back; at least one each.
 *
 * @param others what providers may have open
 */
export function connectionCaps<K extends string>(
  configured: Readonly<Record<K, number>>,
  others: number,
  free: (wanted: number) => number = freeDescriptors,
): Record<K, number> {
  const caps: Record<K, number> = { ...configured };
  const sum = Object.values<number>(configured).reduce((a, b) => a + b, 0);
  const kept = KEPT + others;
  const found = free(sum + kept);
  if (found >= sum + kept) return caps;
  const left = found - Math.min(kept, Math.floor(found / 2));
  for (const port in caps) {
    caps[port] = Math.max(1, Math.floor(left * configured[port] / sum));
  }
  return caps;
}

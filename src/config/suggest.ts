/**
 * Names that look like ours and are not.
 *
 * Invariant: only OMS_* and KAFKA_* names are judged; what Kubernetes puts into
 * a container for services of these names, and OMS_TEST_* of the test tools,
 * are left alone.
 */
import type { ConfigProblem } from "./errors.ts";

/** A remark for each unknown name, with the nearest known one. */
export function unknownNames(
  env: Readonly<Record<string, string | undefined>>,
  known: ReadonlySet<string>,
): ConfigProblem[] {
  return Object.keys(env)
    .filter((name) => /^(?:OMS|KAFKA)_/.test(name) && !known.has(name))
    .filter((name) => !isForeign(name, env[name] ?? ""))
    .sort()
    .map((name) => ({ name, message: remark(name, known) }));
}

function isForeign(name: string, value: string): boolean {
  return name.startsWith("OMS_TEST_") ||
    /_SERVICE_(?:HOST|PORT)(?:_|$)/.test(name) ||
    /_PORT_\d+_(?:TCP|UDP|SCTP)(?:_|$)/.test(name) ||
    (name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value));
}

function remark(name: string, known: ReadonlySet<string>): string {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined
    ? "README.md lists the known ones"
    : `did you mean ${nearest}?`;
  return `is not a variable of this service and has no effect; ${hint}`;
}

/** The known name with the fewest edits, if those are fewer than half of it. */
function nearestName(
  name: string,
  known: Iterable<string>,
): string | undefined {
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const candidate of known) {
    const edits = editDistance(name, candidate);
    if (best === undefined || edits < best.edits) {
      best = { name: candidate, edits };
    }
  }
  return best !== undefined && best.edits < name.length / 2
    ? best.name
    : undefined;
}

/** Levenshtein distance: insertions, deletions and replacements. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(
        Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1),
      );
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

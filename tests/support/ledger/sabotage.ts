/**
 * Defects on purpose, in the records of a run that is over: what the ledger has
 * to find, or it is worth nothing.
 *
 * Only for a service that has been stopped; the files are changed for good.
 */
import { DatabaseSync } from "node:sqlite";
import type { LedgerPaths } from "./mod.ts";
import { readLines } from "./lines.ts";

export const SABOTAGES = [
  "double-charge",
  "lost-event",
  "dropped-order",
] as const;
export type Sabotage = typeof SABOTAGES[number];

/**
 * @param random uniform in [0, 1): chooses the victim
 * @returns what was done, for people
 * @throws Error when the run has nothing that could be damaged
 */
export function sabotage(
  what: Sabotage,
  paths: LedgerPaths,
  random: () => number,
): string {
  switch (what) {
    case "double-charge":
      return doubleCharge(paths.effects, random);
    case "lost-event":
      return loseEvent(`${paths.dataDir}/events.ndjson`, random);
    case "dropped-order":
      return dropOrder(`${paths.dataDir}/oms.db`, random);
  }
}

/** The provider charges once more, with the same key and a charge id of its own. */
function doubleCharge(path: string, random: () => number): string {
  const lines = readLines(path);
  const charges = lines.filter((line) =>
    line.includes('"operation":"charge"') && line.includes('"result":"done"')
  );
  const entry: unknown = JSON.parse(pick(charges, "charge", random));
  const again = JSON.stringify({ ...Object(entry), id: "ch_again" });
  Deno.writeTextFileSync(path, `${again}\n`, { append: true });
  return `charged again: ${again}`;
}

function loseEvent(path: string, random: () => number): string {
  const lines = readLines(path);
  const lost = pick(lines, "event", random);
  const left = lines.filter((line) => line !== lost);
  Deno.writeTextFileSync(path, left.map((line) => `${line}\n`).join(""));
  return `event lost: ${lost}`;
}

function dropOrder(path: string, random: () => number): string {
  const db = new DatabaseSync(path);
  try {
    const ids = db.prepare("SELECT id FROM orders ORDER BY id").all()
      .map(({ id }) => String(id));
    const id = pick(ids, "order", random);
    db.prepare("DELETE FROM orders WHERE id = ?").run(id);
    for (const table of ["sagas", "timeline"]) {
      db.prepare(`DELETE FROM ${table} WHERE order_id = ?`).run(id);
    }
    return `order dropped: ${id}`;
  } finally {
    db.close();
  }
}

function pick(
  choices: readonly string[],
  what: string,
  random: () => number,
): string {
  const chosen = choices[Math.floor(random() * choices.length)];
  if (chosen !== undefined) return chosen;
  throw new Error(`Cannot sabotage: the run has no ${what}`);
}

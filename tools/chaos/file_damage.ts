/**
 * What somebody does to the files of a running service, and puts back later.
 *
 * Invariants: the original files outlive what is done to them. Those of the store are what it had written at the
 * moment of the damage, or the very file that it goes on writing to. What consumers have of the events stays under
 * a name of its own beside the file.
 */
import type { Stage } from "../demo/stage.ts";
import { parseRecord } from "../load/intents.ts";

/** They end the service: it may answer nothing that was asked for afterwards. */
export const STORE_DAMAGES = [
  "lock-removed",
  "lock-replaced",
  "store-removed",
  "store-replaced",
  "store-overwritten",
  "log-removed",
  "log-replaced",
] as const;
export type StoreDamage = typeof STORE_DAMAGES[number];

/** The service goes on. */
export const EVENT_DAMAGES = [
  "events-removed",
  "events-replaced",
  "events-rotated",
  "events-cut",
] as const;
export type EventDamage = typeof EVENT_DAMAGES[number];

export type FileDamage = StoreDamage | EventDamage;

export interface Damaged {
  /** What the service acknowledged of what was asked for after the damage: empty, while it is to answer nothing. */
  readonly answered: () => string[];
  readonly mend: () => Promise<void>;
}

export function endsService(how: FileDamage): how is StoreDamage {
  return STORE_DAMAGES.some((each) => each === how);
}

export async function damageFiles(
  stage: Stage,
  how: FileDamage,
): Promise<Damaged> {
  const mend = endsService(how)
    ? await damageStore(stage, how)
    : await damageEvents(stage, how);
  const { intents } = stage.paths;
  const from = Deno.statSync(intents).size;
  return {
    answered: () => {
      const text = new TextDecoder().decode(
        Deno.readFileSync(intents).subarray(from),
      );
      const asked = new Set<string>();
      return parseRecord(text).flatMap(({ type, key }) => {
        if (type === "intent") asked.add(key);
        return type === "ack" && asked.has(key) ? [key] : [];
      });
    },
    mend,
  };
}

async function damageStore(
  stage: Stage,
  how: StoreDamage,
): Promise<() => Promise<void>> {
  const { dataDir } = stage.paths;
  const aside = `${stage.folder}/aside`;
  const file = (name: string) => `${dataDir}/${name}`;
  const putBack = (name: string) => () => Deno.rename(aside, file(name));
  switch (how) {
    case "lock-removed":
      await Deno.remove(file("oms.lock"));
      return () => Promise.resolve();
    case "lock-replaced":
      await replace(file("oms.lock"), aside);
      return putBack("oms.lock");
    case "store-removed":
      await Deno.rename(file("oms.db"), aside);
      return putBack("oms.db");
    case "store-replaced":
      await replace(file("oms.db"), aside);
      return putBack("oms.db");
    case "log-removed":
      await Deno.rename(file("oms.db-wal"), aside);
      return putBack("oms.db-wal");
    case "log-replaced":
      await replace(file("oms.db-wal"), aside);
      return putBack("oms.db-wal");
    case "store-overwritten":
      await whileStopped(stage, async () => {
        await Deno.copyFile(file("oms.db"), aside);
        await Deno.truncate(file("oms.db"));
      });
      return async () => {
        await Deno.copyFile(aside, file("oms.db"));
        await Deno.remove(aside);
      };
  }
}

async function damageEvents(
  stage: Stage,
  how: EventDamage,
): Promise<() => Promise<void>> {
  const path = `${stage.paths.dataDir}/events.ndjson`;
  const kept = `${path}.${Date.now()}`;
  const aside = `${stage.folder}/events`;
  const nothing = () => Promise.resolve();
  try {
    await Deno.stat(path);
  } catch (error) {
    // Nothing was published yet, or it goes to a broker.
    if (error instanceof Deno.errors.NotFound) return nothing;
    throw error;
  }
  switch (how) {
    case "events-removed":
      await Deno.rename(path, aside);
      return () => Deno.rename(aside, kept);
    case "events-replaced":
      await Deno.rename(path, kept);
      await Deno.writeTextFile(path, "");
      return nothing;
    case "events-rotated":
      await Deno.rename(path, kept);
      return nothing;
    case "events-cut":
      // What is acknowledged between the copy and the cut would be in neither.
      await whileStopped(stage, async () => {
        await Deno.copyFile(path, kept);
        await Deno.truncate(path);
      });
      return nothing;
  }
}

/** Another file with the same bytes takes its name. */
async function replace(path: string, aside: string): Promise<void> {
  const copy = `${aside}.copy`;
  await Deno.copyFile(path, copy);
  await Deno.rename(path, aside);
  await Deno.rename(copy, path);
}

async function whileStopped(
  { service }: Stage,
  change: () => Promise<void>,
): Promise<void> {
  service.signal("SIGSTOP");
  try {
    await change();
  } finally {
    service.signal("SIGCONT");
  }
}

/** The records of a run: where they are, and what is put beside them when they are kept. */
import type {
  EventFact,
  Incident,
  LedgerPaths,
} from "../../tests/support/ledger/mod.ts";
import type { ServiceProcess } from "../../tests/support/service_process.ts";

export function pathsIn(folder: string): LedgerPaths {
  return {
    intents: `${folder}/intents.ndjson`,
    effects: `${folder}/providers.ndjson`,
    dataDir: `${folder}/data`,
  };
}

/** Writes down what is only in memory. @param topics of a broker that will be gone */
export function saveRecords(
  folder: string,
  incarnations: readonly ServiceProcess[],
  incidents: readonly Incident[],
  topics: readonly EventFact[],
): void {
  const output = incarnations.flatMap((each) => [
    `# pid ${each.pid}`,
    ...each.output,
  ]);
  const files = {
    "service.log": output,
    "incidents.ndjson": incidents.map((each) => JSON.stringify(each)),
    "topics.ndjson": topics.map((each) => JSON.stringify(each)),
  };
  for (const [name, lines] of Object.entries(files)) {
    if (lines.length === 0) continue;
    Deno.writeTextFileSync(`${folder}/${name}`, `${lines.join("\n")}\n`);
  }
}

/** The newest record of a stop, read from oms.db with SQL of its own. Only while no process has the file open. */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { exists } from "../support/exists.ts";

const Row = z.object({ report: z.string() });
const Report = z.object({
  reason: z.string(),
  outcome: z.string(),
  exit_code: z.number(),
  started_at: z.string(),
});

/** Null when there is no file or no record. */
export async function lastReport(
  dataDir: string,
): Promise<z.infer<typeof Report> | null> {
  const path = `${dataDir}/oms.db`;
  if (!await exists(path)) return null;
  using db = new DatabaseSync(path, { readOnly: true });
  const row = db.prepare("SELECT report FROM reports ORDER BY id DESC LIMIT 1")
    .get();
  return row === undefined
    ? null
    : Report.parse(JSON.parse(Row.parse(row).report));
}

/** A chaos run's result as it stands in a file. */
import { z } from "zod";

const count = z.number().int().nonnegative();
const counts = z.record(z.string(), count);
const spread = z.object({ p50: count, max: count });

/** Times in ms. */
export const chaosReportSchema = z.object({
  /** Of the code that was run; null: outside of a repository. */
  commit: z.string().nullable(),
  /** True: files differed from that commit. */
  modified: z.boolean(),
  /** RFC 3339: the end of the run. */
  at: z.string(),
  seed: count,
  profile: z.string(),
  publisher: z.enum(["kafka", "file"]),
  rounds: count,
  duration_ms: count,
  sigterms: count,
  sigkills: count,
  /** Rounds by profile with its trouble, and ending. */
  played: counts,
  /** SIGTERMs that were left alone, by exit code. */
  exit_codes: counts,
  stop_ms: spread,
  ready_ms: spread,
  /** Planned ends at failpoints that came about, and those whose point was not passed. */
  points: z.object({ hit: count, missed: count }),
  resumed_sagas: count,
  calls: count,
  /** Flows that ended by an error of the load tool itself. */
  flows_failed: count,
  /** What the clients got, retried attempts included. */
  attempt_codes: counts,
  /** What consumers got; `repeated`: those that were there before, with the same id. */
  events: z.object({ records: count, repeated: count }),
  acknowledged: count,
  effects: count,
  problems: z.object({
    lost: count,
    duplicated: count,
    gap: count,
    wrong: count,
    unsettled: count,
  }),
  /** Orders left to an operator, as no clock could tell the age of an attempt; not in earlier reports. */
  parked: count.optional(),
  /** Stops with another exit code, or beyond their budget; what did not settle; what no client may see. */
  violations: z.array(z.string()),
  ok: z.boolean(),
});
export type ChaosReport = z.infer<typeof chaosReportSchema>;

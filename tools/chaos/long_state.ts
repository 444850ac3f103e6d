/**
 * Where a long run stands: a file that is put in place whole after each part, so
 * that an end at any moment costs the part under way and nothing else.
 *
 * Invariants: a seed is played once; totals follow from the parts; parts of
 * another plan are refused, never mixed.
 */
import { z } from "zod";
import { RefusedError } from "../demo/refused_error.ts";
import { type ChaosReport, chaosReportSchema } from "./report_schema.ts";
import { PROFILES } from "./profiles.ts";

const planSchema = z.object({
  profiles: z.tuple([z.enum(PROFILES)], z.enum(PROFILES)),
  rounds: z.number().int().positive(),
  rps: z.number().int().positive(),
  kafka: z.boolean(),
});

const partSchema = z.object({
  report: chaosReportSchema,
  /** Where the records of a part that failed are. */
  records: z.string().nullable(),
});
export type LongPart = z.infer<typeof partSchema>;

export const longStateSchema = z.object({
  plan: planSchema,
  goal: z.object({
    sigterms: z.number().int().nonnegative(),
    sigkills: z.number().int().nonnegative(),
  }),
  /** Of the part that comes next; each part takes the one after the last. */
  next_seed: z.number().int().positive(),
  parts: z.array(partSchema),
});
export type LongState = z.infer<typeof longStateSchema>;

export interface Totals {
  readonly sigterms: number;
  readonly sigkills: number;
  readonly rounds: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** In ms. */
  readonly slowestStopMs: number;
}

export function totalsOf(reports: readonly ChaosReport[]): Totals {
  const sum = (of: (report: ChaosReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    sigterms: sum(({ sigterms }) => sigterms),
    sigkills: sum(({ sigkills }) => sigkills),
    rounds: sum(({ rounds }) => rounds),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    failed: sum(({ ok }) => ok ? 0 : 1),
    slowestStopMs: Math.max(0, ...reports.map(({ stop_ms }) => stop_ms.max)),
  };
}

export function isOver({ goal, parts }: LongState): boolean {
  const totals = totalsOf(parts.map(({ report }) => report));
  return totals.sigterms >= goal.sigterms && totals.sigkills >= goal.sigkills;
}

export function withPart(state: LongState, part: LongPart): LongState {
  return {
    ...state,
    next_seed: state.next_seed + 1,
    parts: [...state.parts, part],
  };
}

/**
 * The state of the file, or `fresh` when there is none.
 *
 * @throws RefusedError when the file belongs to another plan; ZodError or
 * SyntaxError when it is none of ours
 */
export async function openState(
  path: string,
  fresh: LongState,
): Promise<LongState> {
  const text = await readOrNull(path);
  if (text === null) return fresh;
  const state = longStateSchema.parse(JSON.parse(text));
  if (JSON.stringify(state.plan) === JSON.stringify(fresh.plan)) {
    return { ...state, goal: fresh.goal };
  }
  throw new RefusedError(
    `Cannot go on with ${path}: it is of another plan (${
      JSON.stringify(state.plan)
    }); name another --state file`,
  );
}

export async function saveState(path: string, state: LongState): Promise<void> {
  const aside = `${path}.new`;
  await Deno.writeTextFile(aside, `${JSON.stringify(state, null, 2)}\n`);
  await Deno.rename(aside, path);
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

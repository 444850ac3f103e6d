/**
 * The ledger: did everything that was acknowledged happen, exactly once, and
 * was it told? Reads four records that do not know of each other.
 */
import type { EventFact, Incident } from "./facts.ts";
import { judge, type JudgeOptions, type Verdict } from "./judge.ts";
import type { ProblemKind } from "./problem.ts";
import { readEffects } from "./read_effects.ts";
import { readEvents } from "./read_events.ts";
import { readIntents } from "./read_intents.ts";
import { readStore } from "./read_store.ts";

export type { EventFact, Incident } from "./facts.ts";
export { judge, type JudgeOptions, type Verdict } from "./judge.ts";
export type { ProblemKind } from "./problem.ts";

/** Where the records are. */
export interface LedgerPaths {
  /** What a FileRecorder wrote. */
  readonly intents: string;
  /** The providers' ledger. */
  readonly effects: string;
  /** Folder of oms.db and events.ndjson. The service has to be stopped. */
  readonly dataDir: string;
}

/** How many problems the printed verdict names. */
const NAMED_PROBLEMS = 10;

/**
 * Reads and judges.
 *
 * @param events what consumers got; default: the data folder's events.ndjson
 * @throws Error when a record cannot be read; that is no verdict
 */
export function judgeFiles(
  paths: LedgerPaths,
  incidents: readonly Incident[] = [],
  events: readonly EventFact[] = readPublished(paths),
  options?: JudgeOptions,
): Verdict {
  return judge({
    ...readStore(`${paths.dataDir}/oms.db`),
    intents: readIntents(paths.intents),
    effects: readEffects(paths.effects),
    events,
    incidents,
  }, options);
}

/** What the file publisher has written; none means that nothing was published. */
export function readPublished({ dataDir }: LedgerPaths): EventFact[] {
  return readEvents(`${dataDir}/events.ndjson`);
}

/** `acknowledged 4812 · effects 4812 · lost 0 · duplicated 0 · gaps 0 …`, and `parked 3` where some are */
export function verdictLine(
  { acknowledged, effects, counts, parked = 0 }:
    & Pick<Verdict, "acknowledged" | "effects" | "counts">
    & Partial<Pick<Verdict, "parked">>,
): string {
  const names: Readonly<Record<ProblemKind, string>> = {
    lost: "lost",
    duplicated: "duplicated",
    gap: "gaps",
    wrong: "wrong",
    unsettled: "unsettled",
  };
  return [
    `acknowledged ${acknowledged}`,
    `effects ${effects}`,
    ...Object.entries(names).map(([kind, name]) =>
      `${name} ${counts[kind as ProblemKind]}`
    ),
    ...(parked > 0 ? [`parked ${parked}`] : []),
  ].join(" · ");
}

/** The verdict for people: the line, then what is wrong and the first offending order's story. */
export function printVerdict(verdict: Verdict): string {
  const lines = [verdictLine(verdict)];
  for (const problem of verdict.problems.slice(0, NAMED_PROBLEMS)) {
    const { kind, orderId, message } = problem;
    lines.push(`  ${kind}: ${orderId ?? "all"}: ${message}`);
  }
  const more = verdict.problems.length - NAMED_PROBLEMS;
  if (more > 0) lines.push(`  and ${more} more`);
  if (verdict.story !== null) {
    lines.push("", "The first of them, from its beginning:", verdict.story);
  }
  return lines.join("\n");
}

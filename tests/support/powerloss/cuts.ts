/** The moments at which the power is lost. */
import type { Random } from "../simulation/random.ts";
import type { Acknowledged } from "./promises.ts";
import type { TraceEvent } from "./trace.ts";

/** Before the event at this position, with all before it. */
export interface Cut {
  readonly at: number;
  readonly kind: CutKind;
}

/** `acknowledged`: the answer is about to be sent. `sync begins`, `sync ended`: a sync of the folder has just. */
export type CutKind = "acknowledged" | "sync begins" | "sync ended" | "any";

/** Every moment of the first three kinds, and as many others, in order. */
export function allCuts(
  events: readonly TraceEvent[],
  acknowledged: readonly Acknowledged[],
  root: string,
  random: Random,
): Cut[] {
  const cuts: Cut[] = acknowledged.map(({ at }) => ({
    // The call of the answer has begun, and nothing after it.
    at: at + 1,
    kind: "acknowledged",
  }));
  events.forEach(({ kind, call }, index) => {
    const sync = /^f(data)?sync$/.test(call.name) && call.args.includes(root);
    if (!sync) return;
    cuts.push({
      at: index + 1,
      kind: kind === "begin" ? "sync begins" : "sync ended",
    });
  });
  const others = cuts.length / 3;
  for (let n = 0; n < others; n++) {
    cuts.push({ at: random.int(0, events.length), kind: "any" });
  }
  return cuts.sort((a, b) => a.at - b.at);
}

/** So many of them, of each kind about the same number, in order. */
export function someCuts(
  cuts: readonly Cut[],
  count: number,
  random: Random,
): Cut[] {
  const kinds = [...Map.groupBy(cuts, ({ kind }) => kind).values()];
  const chosen: Cut[] = [];
  for (let n = 0; n < count && kinds.some(({ length }) => length > 0); n++) {
    const from = kinds[n % kinds.length] ?? [];
    chosen.push(...from.splice(random.int(0, from.length - 1), 1));
  }
  return chosen.sort((a, b) => a.at - b.at);
}

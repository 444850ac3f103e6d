/** What a chaos round does to the service, decided by chance alone. */
import { between, type Random } from "../load/random.ts";

export const PROFILES = ["kill", "term", "mixed"] as const;
export type Profile = typeof PROFILES[number];

/**
 * - `term`: SIGTERM, and the service stops by itself
 * - `kill`: SIGKILL
 * - `term-kill`: SIGKILL while it stops
 * - `start-kill`: SIGKILL, then one more in the middle of the next start
 */
export type FaultKind = "term" | "kill" | "term-kill" | "start-kill";

export interface Fault {
  readonly kind: FaultKind;
  /** Load before the fault, in ms. */
  readonly afterMs: number;
  /** From the first signal (or start) to the SIGKILL, in ms; 0 where there is none. */
  readonly killAfterMs: number;
}

const SHORTEST_ROUND_MS = 200;
const LONGEST_ROUND_MS = 1_500;
/** An idle stop takes about 10 ms, one under load 30-100 ms: each phase is hit. */
const LONGEST_STOP_MS = 80;
/** From spawn to `ready` it is 150-600 ms: every step of the start is hit. */
const LONGEST_START_MS = 500;

export function planFault(profile: Profile, random: Random): Fault {
  const afterMs = between(random, SHORTEST_ROUND_MS, LONGEST_ROUND_MS);
  const kind = kindOf(profile, random());
  const longest = kind === "term-kill"
    ? LONGEST_STOP_MS
    : kind === "start-kill"
    ? LONGEST_START_MS
    : 0;
  // Drawn in any case, so that a profile's later rounds do not depend on it.
  const share = random();
  return { kind, afterMs, killAfterMs: Math.round(share * longest) };
}

function kindOf(profile: Profile, chance: number): FaultKind {
  switch (profile) {
    case "term":
      return "term";
    case "kill":
      return chance < 0.8 ? "kill" : "start-kill";
    case "mixed":
      if (chance < 0.45) return "term";
      if (chance < 0.8) return "kill";
      return chance < 0.9 ? "term-kill" : "start-kill";
  }
}

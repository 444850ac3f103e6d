/** What a chaos round does to the service and around it, decided by chance alone. */
import { between, oneOf, type Random } from "../load/random.ts";
import {
  EVENT_DAMAGES,
  type FileDamage,
  STORE_DAMAGES,
} from "./file_damage.ts";
import { START_POINTS, STOP_POINTS, WORK_POINTS } from "./points.ts";
import type { Profile, Profiles } from "./profiles.ts";

/**
 * How a round ends the service.
 * - `term`: SIGTERM, and it stops by itself
 * - `kill`: SIGKILL
 * - `term-kill`: SIGKILL while it stops
 * - `start-kill`: SIGKILL, then one more in the middle of the next start
 * - `point`: it ends itself at a failpoint, at the n-th passage
 * - `stop-point`: SIGTERM, and its stop ends by SIGKILL at a failpoint
 * - `fatal`: it ends by itself, by what was done to its files
 * - `start-point`: SIGKILL, then the next start ends itself at a failpoint
 */
export type Ending =
  | { readonly kind: "term" | "kill" | "fatal" }
  | {
    readonly kind: "term-kill" | "start-kill";
    /** From the SIGTERM, or the start, to the SIGKILL, in ms. */
    readonly killAfterMs: number;
  }
  | {
    readonly kind: "point";
    readonly point: string;
    readonly passage: number;
    readonly action: PointAction;
  }
  | { readonly kind: "stop-point"; readonly point: string }
  | {
    readonly kind: "start-point";
    readonly point: string;
    readonly action: PointAction;
  };
/** `kill-in`: 0-5 ms later, when the answer to a client may have left. */
export type PointAction =
  | { readonly kind: "kill" | "sigterm" }
  | { readonly kind: "kill-in"; readonly ms: number };

/** What goes wrong around the service. */
export type Trouble =
  | { readonly kind: "none" | "pause" }
  | { readonly kind: "providers"; readonly how: ProviderTrouble }
  | { readonly kind: "broker"; readonly how: BrokerTrouble }
  | {
    readonly kind: "clock";
    /** Until it is lifted the wall clock is so far ahead of the machine's, in ms. */
    readonly aheadMs: number;
  }
  | { readonly kind: "full-disk"; readonly spareKiB: number }
  | { readonly kind: "files"; readonly how: FileDamage };

const PROVIDER_TROUBLES = [
  "slow",
  "declines",
  "unknowns",
  "hang",
  "outage",
] as const;
export type ProviderTrouble = typeof PROVIDER_TROUBLES[number];
const BROKER_TROUBLES = ["pause", "kill", "restart"] as const;
export type BrokerTrouble = typeof BROKER_TROUBLES[number];

/**
 * When a trouble is over: before the service is ended, as soon as it was told
 * to end, before the next start, some time after that.
 */
export type Lift = "before-end" | "with-end" | "before-start" | "after-start";

export interface Round {
  readonly profile: Profile;
  /** Load before anything happens, in ms. */
  readonly afterMs: number;
  readonly trouble: Trouble;
  /** How long the trouble lasts before the next thing happens, in ms. */
  readonly troubleMs: number;
  readonly lift: Lift;
  readonly ending: Ending;
  /** True: the service has hardly any time to drain its sagas, so that a stop cuts them off. */
  readonly hurried: boolean;
}

const SHORTEST_ROUND_MS = 200;
const LONGEST_ROUND_MS = 1_500;
/** An idle stop takes about 10 ms, one under load 30-100 ms: each phase is hit. */
const LONGEST_STOP_MS = 80;
/** From spawn to `ready` it is 150-600 ms: every step of the start is hit. */
const LONGEST_START_MS = 500;
/** At 80 flows a second most points are passed so often within a round. */
const LATEST_PASSAGE = 12;
/** From a commit to the client's answer it is about 1 ms. */
const LATEST_KILL_MS = 5;
const SHORTEST_TROUBLE_MS = 100;
const LONGEST_TROUBLE_MS = 2_500;
const HOUR_MS = 3_600_000;
/** Below and above the time for which providers keep keys (OMS_PROVIDER_KEY_RETENTION, 23 h). */
const CLOCK_JUMPS_MS = [
  -25 * HOUR_MS,
  -HOUR_MS,
  HOUR_MS,
  25 * HOUR_MS,
] as const;
/** A few pages of SQLite, or nothing at all. */
const LARGEST_SPARE_KIB = 64;

export function planRound(profiles: Profiles, random: Random): Round {
  const profile = oneOf(random, profiles);
  const { trouble, lifts, ends } = planTrouble(profile, random);
  return {
    profile,
    afterMs: between(random, SHORTEST_ROUND_MS, LONGEST_ROUND_MS),
    trouble,
    troubleMs: trouble.kind === "none"
      ? 0
      : between(random, SHORTEST_TROUBLE_MS, LONGEST_TROUBLE_MS),
    lift: oneOf(random, lifts),
    ending: ends ? { kind: "fatal" } : planEnding(profile, random),
    hurried: profile === "providers" && random() < 0.3,
  };
}

function planTrouble(
  profile: Profile,
  random: Random,
): {
  trouble: Trouble;
  lifts: readonly [Lift, ...Lift[]];
  /** True: the trouble ends the service. */
  ends?: boolean;
} {
  switch (profile) {
    case "kill":
    case "term":
    case "mixed":
      return { trouble: { kind: "none" }, lifts: ["before-end"] };
    case "providers":
      return {
        trouble: { kind: "providers", how: oneOf(random, PROVIDER_TROUBLES) },
        lifts: ["before-end", "before-start", "after-start"],
      };
    case "kafka":
      return {
        trouble: { kind: "broker", how: oneOf(random, BROKER_TROUBLES) },
        lifts: ["before-end", "before-start", "after-start"],
      };
    case "clock": {
      const aheadMs = oneOf(random, CLOCK_JUMPS_MS);
      return {
        trouble: { kind: "clock", aheadMs },
        lifts: ["before-end", "before-start", "after-start"],
      };
    }
    case "pause":
      return { trouble: { kind: "pause" }, lifts: ["before-end", "with-end"] };
    case "disk": {
      const spareKiB = between(random, 0, LARGEST_SPARE_KIB);
      return {
        trouble: { kind: "full-disk", spareKiB },
        lifts: ["before-end", "before-start"],
      };
    }
    case "files":
      return random() < 0.5
        ? {
          trouble: { kind: "files", how: oneOf(random, STORE_DAMAGES) },
          lifts: ["before-start"],
          ends: true,
        }
        : {
          trouble: { kind: "files", how: oneOf(random, EVENT_DAMAGES) },
          lifts: ["before-end", "before-start"],
        };
  }
}

function planEnding(profile: Profile, random: Random): Ending {
  const kind = kindOf(profile, random());
  switch (kind) {
    case "term":
    case "kill":
    case "fatal":
      return { kind };
    case "term-kill":
      return { kind, killAfterMs: between(random, 0, LONGEST_STOP_MS) };
    case "start-kill":
      return { kind, killAfterMs: between(random, 0, LONGEST_START_MS) };
    case "point":
      return {
        kind,
        point: oneOf(random, WORK_POINTS),
        passage: between(random, 1, LATEST_PASSAGE),
        action: actionOf(profile, random),
      };
    case "stop-point":
      return { kind, point: oneOf(random, STOP_POINTS) };
    case "start-point":
      return {
        kind,
        point: oneOf(random, START_POINTS),
        action: actionOf(profile, random),
      };
  }
}

function actionOf(profile: Profile, random: Random): PointAction {
  if (profile === "term") return { kind: "sigterm" };
  const ms = between(random, 0, LATEST_KILL_MS);
  const kills: readonly [PointAction, PointAction] = [
    { kind: "kill" },
    { kind: "kill-in", ms },
  ];
  return profile === "kill" || random() < 0.5
    ? oneOf(random, kills)
    : { kind: "sigterm" };
}

function kindOf(profile: Profile, chance: number): Ending["kind"] {
  switch (profile) {
    case "term":
      return chance < 0.8 ? "term" : "point";
    case "kill":
      if (chance < 0.5) return "kill";
      if (chance < 0.8) return "point";
      return chance < 0.9 ? "start-kill" : "start-point";
    case "mixed":
      if (chance < 0.4) return "term";
      if (chance < 0.6) return "kill";
      if (chance < 0.8) return "point";
      if (chance < 0.87) return "term-kill";
      if (chance < 0.92) return "stop-point";
      return chance < 0.96 ? "start-kill" : "start-point";
    // What is in trouble may never come to a point; what is stopped or full is ended from outside.
    case "providers":
    case "kafka":
    case "clock":
    case "pause":
    case "disk":
    case "files":
      return chance < 0.65 ? "term" : "kill";
  }
}

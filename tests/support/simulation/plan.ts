/** What a history is about, drawn from its seed: who calls, what fails, who dies when. */
import type { SagaKind } from "../../../src/orders/saga.ts";
import type { Leases } from "../../../src/storage/store.ts";
import { CALM, type Temper } from "./providers.ts";
import type { Random } from "./random.ts";
import type { StoreFaults } from "./store.ts";

/** ms; short, so that a pause beyond it is not a long history. */
export const LEASE_MS = 3_000;

export type Hostility =
  /** SIGKILL. */
  | "crash"
  /** SIGTERM, with a drain. */
  | "stop"
  /** SIGSTOP, and SIGCONT later. */
  | "pause"
  /** The wall clock is set. */
  | "wall";

export interface PlannedCall {
  readonly kind: SagaKind;
  /** Refunds; null: all that is left. */
  readonly amountMinor: bigint | null;
  /** ms after the order is there. */
  readonly afterMs: number;
  /** Then so many messages late: moments that no time names. */
  readonly hops: number;
}

export interface Plan {
  readonly leases: Leases["kind"];
  readonly processes: number;
  /** Probability that time goes on although messages are under way. */
  readonly hurry: number;
  readonly temper: Temper;
  readonly faults: StoreFaults;
  /** In the order of their steps. */
  readonly hostile: readonly {
    readonly step: number;
    readonly what: Hostility;
  }[];
  /** Calls of each order. */
  readonly orders: readonly (readonly PlannedCall[])[];
}

export const ORDER_MINOR = 100n;
const LAST_HOSTILE_STEP = 150;

export function drawPlan(random: Random): Plan {
  const timed = random.chance(0.6);
  return {
    leases: timed ? "timed" : "exclusive",
    processes: timed ? 2 : 1,
    hurry: random.pick([0, 0.05, 0.2]),
    temper: drawTemper(random),
    faults: random.chance(0.5) ? { before: 0, after: 0, version: 0 } : {
      before: random.pick([0, 0.02, 0.1]),
      after: random.pick([0, 0.02, 0.1]),
      version: random.pick([0, 0.02, 0.1]),
    },
    hostile: drawHostile(random, timed),
    orders: Array.from(
      { length: random.chance(0.8) ? 1 : 2 },
      () => drawCalls(random),
    ),
  };
}

function drawTemper(random: Random): Temper {
  if (random.chance(0.25)) return CALM;
  return {
    done: 6,
    declined: random.pick([0, 0.5, 2]),
    unknown_before: random.pick([0, 1]),
    unknown_after: random.pick([0, 1, 2]),
    unknown_late: random.pick([0, 1]),
    misconfigured: random.pick([0, 0, 0.5]),
    slow: random.pick([0, 2, 6]),
    hang_before: random.pick([0, 0.5]),
    hang_after: random.pick([0, 1]),
  };
}

function drawHostile(random: Random, timed: boolean): Plan["hostile"] {
  const weights = { crash: 4, stop: 1, pause: timed ? 4 : 0.5, wall: 0.5 };
  const count = random.pick([0, 1, 1, 2, 2, 3, 4]);
  return Array.from({ length: count }, () => ({
    step: random.int(1, LAST_HOSTILE_STEP),
    what: random.weighted<Hostility>(weights),
  })).sort((a, b) => a.step - b.step);
}

function drawCalls(random: Random): PlannedCall[] {
  const soon = () => random.pick([0, 0, 20, 500]);
  const later = () => random.pick([0, 500, 2_000, 5_000]);
  const calls: PlannedCall[] = [];
  if (random.chance(0.9)) {
    const afterMs = soon();
    calls.push({ kind: "pay", amountMinor: null, afterMs, hops: 0 });
  }
  for (let more = random.int(0, 5); more > 0; more--) {
    const kind = random.weighted({ pay: 0.5, cancel: 3, refund: 4 });
    calls.push({
      kind,
      amountMinor: kind === "refund"
        ? random.pick([null, 1n, 30n, 60n, 60n, 100n, 101n])
        : null,
      afterMs: kind === "refund" ? later() : random.pick([soon(), later()]),
      hops: random.pick([0, 0, random.int(1, 12)]),
    });
  }
  return calls;
}

/** What a history is about, drawn from its seed: who calls, what fails, who dies when. */
import type { OrderStatus } from "../../../src/orders/order.ts";
import type { SagaKind } from "../../../src/orders/saga.ts";
import type { Leases } from "../../../src/storage/store.ts";
import { CALM, type Temper } from "./providers.ts";
import { Random } from "./random.ts";
import type { StoreFaults } from "./store.ts";

export type Hostility =
  /** SIGKILL. */
  | "crash"
  /** SIGTERM, with a drain. */
  | "stop"
  /** A further signal at once. */
  | "forced stop"
  /** SIGSTOP, and SIGCONT later. */
  | "pause"
  /** The wall clock is set. */
  | "wall"
  /** The machine stands still for a while, the monotonic clock with it. */
  | "suspend";

export interface PlannedCall {
  readonly kind: SagaKind;
  /** Refunds; null: all that is left. */
  readonly amountMinor: bigint | null;
  /** Begins when the order is, or becomes, this; null: when it is there. May never be. */
  readonly when: OrderStatus | null;
  /** Then so many ms late. */
  readonly afterMs: number;
  /** Then so many messages late: moments that no time names. */
  readonly hops: number;
}

export interface Plan {
  /**
   * Providers forget keys after a while, processes stay away for longer than that, and wall clocks are wrong by a day,
   * at a start as well.
   */
  readonly forgetful: boolean;
  readonly leases: Leases["kind"];
  readonly processes: number;
  /** Sagas that run at the same time in one process. */
  readonly concurrency: number;
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
const FORGETFUL_SHARE = 0.2;

/** Whether the history of this seed is `forgetful`. Of a stream of its own, so that the others are what they were. */
export function isForgetful(seed: number): boolean {
  return new Random(seed ^ 0x77).chance(FORGETFUL_SHARE);
}

export function drawPlan(random: Random, forgetful: boolean): Plan {
  const timed = random.chance(0.6) && !forgetful;
  return {
    forgetful,
    leases: timed ? "timed" : "exclusive",
    processes: timed ? random.pick([2, 2, 2, 3]) : 1,
    concurrency: random.pick([1, 2, 4]),
    hurry: random.pick([0, 0.05, 0.2]),
    temper: drawTemper(random),
    faults: {
      before: random.pick([0, 0, 0.02, 0.1]),
      after: random.pick([0, 0, 0.02, 0.1]),
      slow: random.pick([0, 0, 0.1]),
      version: random.pick([0, 0, 0.02, 0.1]),
    },
    hostile: drawHostile(random, timed, forgetful),
    orders: Array.from(
      { length: random.chance(0.7) ? 1 : 2 },
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

function drawHostile(
  random: Random,
  timed: boolean,
  forgetful: boolean,
): Plan["hostile"] {
  // Not both: a clock that is set back while the machine is suspended hides that it was.
  const suspends = forgetful && random.chance(0.6);
  const weights: Readonly<Record<Hostility, number>> = {
    crash: 4,
    stop: 1,
    "forced stop": 0.5,
    pause: timed ? 4 : 0.5,
    wall: suspends ? 0 : forgetful ? 4 : 0.5,
    suspend: suspends ? 6 : 0,
  };
  const count = random.pick([0, 1, 1, 2, 2, 3, 4]);
  return Array.from({ length: count }, () => ({
    step: random.int(1, LAST_HOSTILE_STEP),
    what: random.weighted(weights),
  })).sort((a, b) => a.step - b.step);
}

function drawCalls(random: Random): PlannedCall[] {
  const weights = random.pick([
    { pay: 0.5, cancel: 4, refund: 1 },
    { pay: 0.5, cancel: 0.5, refund: 5 },
  ]);
  const calls: PlannedCall[] = [];
  if (random.chance(0.9)) calls.push(drawCall(random, "pay"));
  for (let more = random.int(0, 5); more > 0; more--) {
    calls.push(drawCall(random, random.weighted(weights)));
  }
  return calls;
}

function drawCall(random: Random, kind: SagaKind): PlannedCall {
  return {
    kind,
    amountMinor: kind === "refund"
      ? random.pick([null, 1n, 30n, 60n, 60n, 100n, 101n])
      : null,
    when: drawWhen(random, kind),
    afterMs: random.pick([0, 0, 0, 20, 500, 2_000, 5_000]),
    hops: random.pick([0, 0, random.int(1, 12)]),
  };
}

function drawWhen(random: Random, kind: SagaKind): OrderStatus | null {
  switch (kind) {
    case "pay":
      return null;
    case "cancel":
      return random.pick<OrderStatus | null>([null, null, "RESERVED", "PAID"]);
    case "refund":
      return random.pick<OrderStatus | null>([null, "PAID", "CONFIRMED"]);
  }
}

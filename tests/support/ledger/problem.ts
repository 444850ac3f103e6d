/** What can be wrong, and one order's part of the facts. */
import type {
  EffectFact,
  EventFact,
  Incident,
  Intent,
  OrderFact,
  SagaFact,
  TimelineFact,
} from "./facts.ts";

/**
 * - `lost`: acknowledged, and its effect is nowhere
 * - `duplicated`: an effect, an acceptance or an order happened more than once
 * - `gap`: consumers miss an event, or get its first copy out of order
 * - `wrong`: effects that nobody asked for, amounts or states that do not agree
 * - `unsettled`: still on its way, so that nothing can be said
 */
export const PROBLEM_KINDS = [
  "lost",
  "duplicated",
  "gap",
  "wrong",
  "unsettled",
] as const;
export type ProblemKind = typeof PROBLEM_KINDS[number];

export interface Problem {
  readonly kind: ProblemKind;
  /** Null when it is about no order in particular. */
  readonly orderId: string | null;
  /** The idempotency key of the acknowledged intent that it is about. */
  readonly key: string | null;
  readonly message: string;
}

/** All that is known about one order. */
export interface OrderCase {
  readonly orderId: string;
  /** Null: the store does not know it. */
  readonly order: OrderFact | null;
  readonly sagas: readonly SagaFact[];
  readonly timeline: readonly TimelineFact[];
  readonly intents: readonly Intent[];
  readonly effects: readonly EffectFact[];
  readonly events: readonly EventFact[];
  readonly incidents: readonly Incident[];
}

/** Collects the problems of one order. */
export class Findings {
  readonly problems: Problem[] = [];

  constructor(readonly orderId: string | null) {}

  add(kind: ProblemKind, message: string, about?: Intent): void {
    const key = about?.key ?? null;
    this.problems.push({ kind, orderId: this.orderId, key, message });
  }

  has(kind: ProblemKind): boolean {
    return this.problems.some((problem) => problem.kind === kind);
  }
}

/** The intents that were answered OK. */
export function acknowledged(
  intents: readonly Intent[],
  method?: Intent["method"],
): Intent[] {
  return intents.filter((intent) =>
    intent.outcome.kind === "acknowledged" &&
    (method === undefined || intent.method === method)
  );
}

/**
 * The judgement: a pure function from facts to a verdict.
 *
 * Invariants: every acknowledged intent is counted once, as an effect or as
 * lost; an effect of an unacknowledged intent is allowed as long as its saga is
 * in the store; what is not settled is said to be so and never passes, but for an
 * order in doubt (doubt.ts), which is counted as `parked`.
 * Not promised: a judgement while the service runs. Stop it first.
 *
 * Assumes that only the recorded clients have used the store, and that its
 * idempotency answers and outbox rows have not been purged yet (24 h).
 */
import {
  CreateOrderResponse,
  PayOrderResponse,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { inDoubt } from "./doubt.ts";
import type { Intent, LedgerFacts } from "./facts.ts";
import { judgeEvents } from "./judge_events.ts";
import { judgeMoney, judgeOrphans } from "./judge_money.ts";
import { judgeSagas } from "./judge_sagas.ts";
import {
  acknowledged,
  Findings,
  type OrderCase,
  type Problem,
  PROBLEM_KINDS,
  type ProblemKind,
} from "./problem.ts";
import { tellStory } from "./story.ts";

export interface Verdict {
  /** Intents that were answered OK. */
  readonly acknowledged: number;
  /** Those whose effect, or the provider's decline, is on record. */
  readonly effects: number;
  /** By kind; `lost` counts intents, the others count problems. */
  readonly counts: Readonly<Record<ProblemKind, number>>;
  /** The gravest kind first, within it in the order of the orders' creation. */
  readonly problems: readonly Problem[];
  /** All about the first offending order, for people; null when there is none. */
  readonly story: string | null;
  /** Orders in doubt: their unfinished sagas are no problem. */
  readonly parked: number;
  readonly ok: boolean;
}

export interface JudgeOptions {
  /** True: the service's wall clock was moved, so that orders may be in doubt. */
  readonly clockMoved?: boolean;
}

export function judge(
  facts: LedgerFacts,
  { clockMoved = false }: JudgeOptions = {},
): Verdict {
  const cases = casesOf(facts);
  const doubts = new Set(
    clockMoved
      ? cases.filter(({ sagas }) => inDoubt(sagas) !== null)
        .map(({ orderId }) => orderId)
      : [],
  );
  const unsorted = [
    ...cases.flatMap((each) => judgeOrder(each, facts, doubts).problems),
    ...judgeAnswers(facts),
    ...judgeOutbox(facts),
  ];
  const problems = PROBLEM_KINDS.flatMap((kind) =>
    unsorted.filter((problem) =>
      problem.kind === kind && !excused(problem, doubts)
    )
  );

  const all = acknowledged(facts.intents);
  const lost = new Set(
    problems.filter(({ kind }) => kind === "lost")
      .map(({ key, orderId, message }) => key ?? `${orderId}: ${message}`),
  );
  const without = new Set(
    unsorted.filter(({ kind, key }) => kind === "unsettled" && key !== null)
      .map(({ key }) => key),
  );
  const count = (kind: ProblemKind) =>
    kind === "lost"
      ? lost.size
      : problems.filter((problem) => problem.kind === kind).length;
  const first = problems.find(({ orderId }) => orderId !== null);
  return {
    acknowledged: all.length,
    effects: all.filter(({ key }) => !lost.has(key) && !without.has(key))
      .length,
    counts: {
      lost: count("lost"),
      duplicated: count("duplicated"),
      gap: count("gap"),
      wrong: count("wrong"),
      unsettled: count("unsettled"),
    },
    problems,
    story: first === undefined ? null : tellStory(
      cases.find(({ orderId }) => orderId === first.orderId),
    ),
    parked: doubts.size,
    ok: problems.length === 0,
  };
}

function excused(
  { kind, orderId }: Problem,
  doubts: ReadonlySet<string>,
): boolean {
  return kind === "unsettled" && orderId !== null && doubts.has(orderId);
}

function judgeOrder(
  orderCase: OrderCase,
  facts: LedgerFacts,
  doubts: ReadonlySet<string>,
): Findings {
  const found = new Findings(orderCase.orderId);
  judgeOrphans(orderCase, found);
  const { order, intents } = orderCase;
  if (order === null) {
    for (const intent of acknowledged(intents)) {
      found.add(
        "lost",
        `${intent.method}: the store has no such order`,
        intent,
      );
    }
    if (orderCase.events.length > 0) {
      found.add("wrong", "events of an order that the store does not know");
    }
    return found;
  }
  for (const intent of acknowledged(intents, "create")) {
    const same = intent.customerId === order.customerId &&
      intent.currency === order.currency &&
      intent.amountMinor === order.amountMinor;
    if (!same) {
      found.add("wrong", "the order is not what was asked for", intent);
    }
  }
  if (acknowledged(intents, "create").length > 1) {
    found.add("wrong", "two creates were answered with the same order");
  }
  judgeSagas(orderCase, order, found);
  const doubt = doubts.has(orderCase.orderId) ? inDoubt(orderCase.sagas) : null;
  judgeMoney(orderCase, order, doubt, found);
  judgeEvents(orderCase, order, facts.outbox, found);
  return found;
}

/** Keys: what was promised to them is kept, the same for every repetition, and made one order only. */
function judgeAnswers(facts: LedgerFacts): Problem[] {
  const problems: Problem[] = [];
  const asked = new Set<string>();
  for (const intent of facts.intents) {
    const found = new Findings(orderIdOf(intent));
    const answer = facts.answers.get(intent.key);
    if (answer?.code === 0) {
      const id = intent.method === "create"
        ? CreateOrderResponse.decode(answer.payload).order?.id
        : PayOrderResponse.decode(answer.payload).orderId;
      if (id !== undefined) asked.add(id);
    }
    const { outcome, replays } = intent;
    if (outcome.kind === "acknowledged") {
      if (answer?.code !== 0) {
        found.add("lost", `${intent.method}: its answer is not kept`, intent);
      }
      for (const replay of replays) {
        const same = replay.orderId === outcome.orderId &&
          replay.status === outcome.status;
        if (same) continue;
        found.add("wrong", "a repetition got another answer", intent);
      }
    }
    problems.push(...found.problems);
  }
  for (const { id } of facts.orders) {
    if (asked.has(id)) continue;
    const found = new Findings(id);
    found.add("duplicated", "an order that no key has asked for");
    problems.push(...found.problems);
  }
  return problems;
}

function judgeOutbox({ outbox }: LedgerFacts): Problem[] {
  const unsent = [...outbox.values()].filter(({ sent }) => !sent).length;
  const found = new Findings(null);
  if (unsent > 0) found.add("unsettled", `${unsent} events are not published`);
  return found.problems;
}

function orderIdOf(intent: Intent): string | null {
  return intent.outcome.kind === "acknowledged"
    ? intent.outcome.orderId
    : intent.orderId;
}

/** The facts by order, in order of creation; orders that only others know come last. */
function casesOf(facts: LedgerFacts): OrderCase[] {
  const orders = new Map(facts.orders.map((order) => [order.id, order]));
  const intents = Map.groupBy(facts.intents, (each) => orderIdOf(each) ?? "");
  const sagas = Map.groupBy(facts.sagas, ({ orderId }) => orderId);
  const timeline = Map.groupBy(facts.timeline, ({ orderId }) => orderId);
  const effects = Map.groupBy(facts.effects, ({ orderId }) => orderId);
  const events = Map.groupBy(facts.events, ({ orderId }) => orderId);
  const ids = new Set([
    ...[...orders.values()].sort((a, b) => a.createdAt - b.createdAt)
      .map(({ id }) => id),
    ...intents.keys(),
    ...sagas.keys(),
    ...effects.keys(),
    ...events.keys(),
  ]);
  ids.delete("");
  return [...ids].map((orderId) => ({
    orderId,
    order: orders.get(orderId) ?? null,
    sagas: (sagas.get(orderId) ?? []).toSorted((a, b) => a.number - b.number),
    timeline: timeline.get(orderId) ?? [],
    intents: intents.get(orderId) ?? [],
    effects: effects.get(orderId) ?? [],
    events: events.get(orderId) ?? [],
    incidents: facts.incidents,
  }));
}

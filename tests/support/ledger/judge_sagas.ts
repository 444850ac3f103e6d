/**
 * Every acknowledged pay, cancel and refund has its saga, and every saga has
 * what its end claims: the effect exactly once, or the provider's decline.
 */
import type { EffectFact, Intent, OrderFact, SagaFact } from "./facts.ts";
import { acknowledged, Findings, type OrderCase } from "./problem.ts";

/** Judges one order that the store knows. */
export function judgeSagas(
  orderCase: OrderCase,
  order: OrderFact,
  found: Findings,
): void {
  numbers(orderCase, order, found);
  payPromises(orderCase, found);
  cancelPromises(orderCase, found);
  refundPromises(orderCase, found);
  for (const saga of orderCase.sagas) {
    outcome(orderCase, order, saga, found);
  }
}

function numbers(
  { sagas }: OrderCase,
  order: OrderFact,
  found: Findings,
): void {
  const gapless = sagas.every(({ number }, index) => number === index + 1);
  if (!gapless || sagas.length !== order.lastSagaNumber) {
    found.add(
      "wrong",
      `sagas are numbered ${
        sagas.map(({ number }) => number).join(", ") || "not at all"
      }, the order has accepted ${order.lastSagaNumber}`,
    );
  }
}

/** At most one pay of an order can be accepted. */
function payPromises(orderCase: OrderCase, found: Findings): void {
  const [first, ...more] = acknowledged(orderCase.intents, "pay");
  for (const intent of more) {
    found.add("wrong", "a second pay was acknowledged", intent);
  }
  const made = onlySaga(orderCase, "pay", found);
  if (first !== undefined && !made) {
    found.add("lost", "the acknowledged pay has no saga", first);
  }
}

/** One cancel is accepted; further ones are told the same, and one that comes to a CANCELED order needs none. */
function cancelPromises(orderCase: OrderCase, found: Findings): void {
  const made = onlySaga(orderCase, "cancel", found);
  for (const intent of acknowledged(orderCase.intents, "cancel")) {
    const { outcome } = intent;
    const told = outcome.kind === "acknowledged" ? outcome.status : "";
    if (told === "CANCELED" && orderCase.order?.status !== "CANCELED") {
      found.add("wrong", "a cancel was told CANCELED, it is not", intent);
    }
    if (!made && told !== "CANCELED") {
      found.add("lost", "the acknowledged cancel has no saga", intent);
    }
  }
}

/** True: there is one. */
function onlySaga(
  { sagas, intents }: OrderCase,
  kind: "pay" | "cancel",
  found: Findings,
): boolean {
  const made = sagas.filter((saga) => saga.kind === kind);
  if (made.length > 1) {
    found.add("duplicated", `${made.length} ${kind} sagas were accepted`);
  }
  const mayHave = intents.some(({ method, outcome }) =>
    method === kind && outcome.kind !== "refused"
  );
  if (made.length > 0 && !mayHave) {
    found.add("wrong", `a ${kind} saga that nobody asked for`);
  }
  return made.length > 0;
}

/** Refunds are matched by reason and amount: several may be accepted. */
function refundPromises(
  { sagas, intents }: OrderCase,
  found: Findings,
): void {
  const free = sagas.filter(({ kind }) => kind === "refund");
  const take = (intent: Intent): boolean => {
    const index = free.findIndex((saga) =>
      saga.reason === intent.reason &&
      (intent.amountMinor === null || saga.amountMinor === intent.amountMinor)
    );
    if (index >= 0) free.splice(index, 1);
    return index >= 0;
  };
  const exactFirst = (a: Intent, b: Intent) =>
    Number(a.amountMinor === null) - Number(b.amountMinor === null);
  for (const intent of acknowledged(intents, "refund").sort(exactFirst)) {
    if (!take(intent)) {
      found.add("lost", "the acknowledged refund has no saga", intent);
    }
  }
  for (const intent of intents) {
    const { kind } = intent.outcome;
    const open = kind === "unanswered" || kind === "gave_up";
    if (intent.method === "refund" && open) take(intent);
  }
  for (const saga of free) {
    found.add(
      "duplicated",
      `refund saga #${saga.number} over ${saga.amountMinor} is one more than was asked for`,
    );
  }
}

function outcome(
  orderCase: OrderCase,
  order: OrderFact,
  saga: SagaFact,
  found: Findings,
): void {
  const intent = intentOf(orderCase, saga);
  const name = `${saga.kind} saga #${saga.number}`;
  switch (saga.state) {
    case "open":
    case "parked":
      found.add(
        "unsettled",
        `${name} is ${saga.state}${
          saga.stuckReason === null ? "" : ` (${saga.stuckReason})`
        }`,
        intent,
      );
      return;
    case "superseded": {
      const canceled = saga.kind === "pay" &&
        orderCase.sagas.some((other) =>
          other.kind === "cancel" && other.number > saga.number
        );
      if (!canceled) {
        found.add("wrong", `${name} is superseded by no cancel`, intent);
      }
      return;
    }
    case "failed":
      failed(orderCase, order, saga, intent, found);
      return;
    case "completed":
      completed(orderCase, order, saga, intent, found);
      return;
  }
}

function failed(
  { effects }: OrderCase,
  order: OrderFact,
  saga: SagaFact,
  intent: Intent | undefined,
  found: Findings,
): void {
  const name = `${saga.kind} saga #${saga.number}`;
  // A reserve may be declined after it took effect unheard; that it is given back, the sums say.
  const released = effects.some(({ request, result }) =>
    result === "done" && request.includes(`"${saga.id}:reserve"`)
  );
  const declined = released ||
    effectsOf(effects, saga).some(({ result, operation }) =>
      result === "declined" && operation !== "release"
    );
  if (!declined) {
    found.add("lost", `${name} failed, and no decline is on record`, intent);
  }
  if (saga.kind === "pay" && order.status !== "CANCELED") {
    found.add("wrong", `${name} failed, the order is ${order.status}`, intent);
  }
}

function completed(
  { effects, timeline }: OrderCase,
  order: OrderFact,
  saga: SagaFact,
  intent: Intent | undefined,
  found: Findings,
): void {
  const name = `${saga.kind} saga #${saga.number}`;
  if (saga.kind === "cancel") {
    if (order.status !== "CANCELED") {
      found.add(
        "wrong",
        `${name} is completed, the order is ${order.status}`,
        intent,
      );
    }
    return;
  }
  const operation = saga.kind === "pay" ? "charge" : "refund";
  const amount = saga.kind === "pay" ? order.amountMinor : saga.amountMinor;
  if (amount !== 0n) {
    const done = effectsOf(effects, saga).filter((effect) =>
      effect.operation === operation && effect.result === "done"
    );
    if (done.length === 0) {
      found.add(
        "lost",
        `${name} is completed, and the provider knows no ${operation}`,
        intent,
      );
    }
    for (const effect of done) {
      if (effect.amountMinor === amount && effect.currency === order.currency) {
        continue;
      }
      found.add(
        "wrong",
        `${operation} of ${effect.amountMinor} ${effect.currency}, due were ${amount} ${order.currency}`,
        intent,
      );
    }
  }
  if (saga.kind !== "pay") return;
  if (!["CONFIRMED", "CANCELED", "REFUNDED"].includes(order.status)) {
    found.add(
      "lost",
      `${name} is completed, the order is ${order.status}`,
      intent,
    );
  }
  if (timeline.length < 4) {
    found.add(
      "wrong",
      `a confirmed order has ${timeline.length} timeline entries`,
    );
  }
}

/** The acknowledged intent behind a saga, for the record of what is lost. */
function intentOf(
  { intents }: OrderCase,
  saga: SagaFact,
): Intent | undefined {
  const same = acknowledged(intents, saga.kind);
  if (saga.kind === "pay") return same[0];
  return same.find(({ reason, amountMinor }) =>
    reason === saga.reason && amountMinor === saga.amountMinor
  ) ?? same.find(({ reason }) => reason === saga.reason);
}

/** What the provider did for this saga, by its keys. */
export function effectsOf(
  effects: readonly EffectFact[],
  saga: SagaFact,
): EffectFact[] {
  return effects.filter(({ key }) => key.startsWith(`${saga.id}:`));
}

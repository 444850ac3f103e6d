/** One order's facts, all in order, to be damaged by a test, and what the judge makes of them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type {
  EffectFact,
  EventFact,
  Intent,
  LedgerFacts,
  OrderFact,
  SagaFact,
} from "../../support/ledger/facts.ts";
import {
  judge,
  type JudgeOptions,
  printVerdict,
  type ProblemKind,
  type Verdict,
} from "../../support/ledger/mod.ts";
import {
  CreateOrderResponse,
  PayOrderResponse,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";

export const ORDER = "ord_1";

/** Facts whose parts may be replaced. */
export type MutableFacts = {
  -readonly [K in keyof LedgerFacts]: LedgerFacts[K];
};

export const order: OrderFact = {
  id: ORDER,
  customerId: "c",
  currency: "EUR",
  status: "CONFIRMED",
  version: 7n,
  amountMinor: 1_000n,
  capturedMinor: 1_000n,
  refundedMinor: 300n,
  heldMinor: 0n,
  chargeId: "ch_1",
  reservationId: "rsv_1",
  lastSagaNumber: 2,
  orderSeq: 3,
  sagaSeq: 6,
  createdAt: 1,
};

export const pay: SagaFact = {
  id: "saga_pay",
  orderId: ORDER,
  number: 1,
  kind: "pay",
  state: "completed",
  amountMinor: null,
  reason: "",
  completedSteps: ["reserve", "charge", "confirm"],
  failure: null,
  attemptStep: null,
  stuckReason: null,
  fence: 2,
  createdAt: 2,
  finishedAt: 3,
};

export const refund: SagaFact = {
  ...pay,
  id: "saga_refund",
  number: 2,
  kind: "refund",
  amountMinor: 300n,
  reason: "broken",
  completedSteps: ["refund"],
};

export function intent(change: Partial<Intent>): Intent {
  return {
    key: "k",
    method: "create",
    orderId: ORDER,
    customerId: null,
    currency: null,
    amountMinor: null,
    reason: "",
    at: 1,
    outcome: { kind: "acknowledged", orderId: ORDER, status: "PENDING" },
    codes: ["OK"],
    endedAt: 2,
    replays: [],
    ...change,
  };
}

export const createIntent = intent({
  key: "k-create",
  orderId: null,
  customerId: "c",
  currency: "EUR",
  amountMinor: 1_000n,
});
export const payIntent = intent({ key: "k-pay", method: "pay" });
export const refundIntent = intent({
  key: "k-refund",
  method: "refund",
  amountMinor: 300n,
  currency: "EUR",
  reason: "broken",
});

export function effect(change: Partial<EffectFact>): EffectFact {
  return {
    key: "saga_pay:charge",
    operation: "charge",
    orderId: ORDER,
    amountMinor: 1_000n,
    currency: "EUR",
    result: "done",
    id: "ch_1",
    at: 2,
    request: "",
    ...change,
  };
}

export const charge = effect({});
export const reserve = effect({
  key: "saga_pay:reserve",
  operation: "reserve",
  amountMinor: null,
  currency: null,
  id: "rsv_1",
});
export const refundEffect = effect({
  key: "saga_refund:refund",
  operation: "refund",
  amountMinor: 300n,
  id: "re_1",
  request: '{"charge_id":"ch_1"}',
});

export function event(
  topic: "order" | "saga",
  seq: number,
  value = `{"seq":${seq}}`,
): EventFact {
  return {
    topic,
    orderId: ORDER,
    seq,
    id: `${ORDER}:${topic}:${seq}`,
    type: "t",
    occurredAt: 2,
    value,
  };
}

function ok(payload: Uint8Array) {
  return { code: 0, payload };
}

const acknowledgement = () =>
  ok(
    PayOrderResponse.encode(PayOrderResponse.fromPartial({ orderId: ORDER }))
      .finish(),
  );

/** A created, paid and partly refunded order of which everything is right. */
export function sound(): MutableFacts {
  const created = CreateOrderResponse.fromPartial({ order: { id: ORDER } });
  return {
    intents: [createIntent, payIntent, refundIntent],
    orders: [order],
    sagas: [pay, refund],
    timeline: ["PENDING", "RESERVED", "PAID", "CONFIRMED"].map((reason) => ({
      orderId: ORDER,
      type: "OrderStatusChanged",
      reason,
      at: 2,
    })),
    answers: new Map([
      ["k-create", ok(CreateOrderResponse.encode(created).finish())],
      ["k-pay", acknowledgement()],
      ["k-refund", acknowledgement()],
    ]),
    outbox: new Map(),
    effects: [reserve, charge, refundEffect],
    events: [
      ...[1, 2, 3].map((seq) => event("order", seq)),
      ...[1, 2, 3, 4, 5, 6].map((seq) => event("saga", seq)),
    ],
    incidents: [],
  };
}

/** Judges sound facts with one thing changed. */
export function judged(
  change: (facts: MutableFacts) => void,
  options?: JudgeOptions,
): Verdict {
  const facts = sound();
  change(facts);
  return judge(facts, options);
}

/** Asserts that exactly these problems were found, as `kind: part of the message`. */
export function finds(
  verdict: Verdict,
  ...expected: [ProblemKind, string][]
): void {
  assertEquals(
    verdict.problems.map(({ kind }) => kind),
    expected.map(([kind]) => kind),
    printVerdict(verdict),
  );
  for (const [index, [, text]] of expected.entries()) {
    assertStringIncludes(verdict.problems[index]?.message ?? "", text);
  }
  assertEquals(verdict.ok, expected.length === 0);
}

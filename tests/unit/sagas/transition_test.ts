/** The state machine: what becomes durable together, and what never without a commit of its own. */
import { assertEquals, assertThrows } from "@std/assert";
import type { Order } from "../../../src/orders/order.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import { cancel } from "../../../src/sagas/cancel.ts";
import { pay } from "../../../src/sagas/pay.ts";
import {
  advance,
  claimBy,
  handBack,
  park,
  postpone,
  resolve,
} from "../../../src/sagas/transition.ts";
import { makeOrder, makeSaga, T0 } from "../../support/fixtures.ts";

const order = makeOrder({ payAccepted: true, lastSagaNumber: 1 });
const saga = makeSaga(order, { number: 1, owner: "me", fence: 3 });
const done = { kind: "done", id: "x_1" } as const;

/** A saga with an open attempt at `step`. */
function attempting(step: "reserve" | "charge" | "release"): Saga {
  return {
    ...saga,
    attempt: {
      step,
      request: "{}",
      key: `${saga.id}:${step}`,
      firstAttemptAt: T0,
      unknowns: 2,
    },
  };
}

Deno.test("the attempt, with key and exact bytes, is marked before the call and changes nothing else", () => {
  const next = advance(pay, order, saga, T0 + 1);
  assertEquals(next.next, "call");
  assertEquals(next.change, null);
  assertEquals(next.saga, {
    ...saga,
    attempt: {
      step: "reserve",
      request: `{"order_id":"${order.id}","items":[{"sku":"sku-1","qty":2}]}`,
      key: `${saga.id}:reserve`,
      firstAttemptAt: T0 + 1,
      unknowns: 0,
    },
    updatedAt: T0 + 1,
  });
});

Deno.test("a result and the mark of the next step are one transition", () => {
  const next = resolve(pay, order, attempting("reserve"), done, T0 + 2);
  assertEquals(next.next, "call");
  assertEquals(next.change?.order.status, "RESERVED");
  assertEquals(next.saga.completedSteps, ["reserve"]);
  assertEquals(next.saga.attempt?.step, "charge");
  assertEquals(next.saga.attempt?.unknowns, 0);
  assertEquals(next.saga.attempt?.firstAttemptAt, T0 + 2);
  assertEquals(next.saga.fence, saga.fence, "the holder goes on");
});

Deno.test("F22 confirm never rides on the charge's result: it gets a commit of its own", () => {
  const reserved: Order = { ...order, status: "RESERVED", reservationId: "r" };
  const charged = resolve(pay, reserved, attempting("charge"), done, T0 + 2);
  assertEquals(charged.next, "advance");
  assertEquals(charged.change?.order.status, "PAID");
  assertEquals(charged.saga.state, "open");
  const paid = charged.change?.order ?? order;
  const confirmed = advance(pay, paid, charged.saga, T0 + 3);
  assertEquals(confirmed.next, "end");
  assertEquals(confirmed.change?.order.status, "CONFIRMED");
  assertEquals(confirmed.saga.state, "completed");
  assertEquals(confirmed.saga.completedSteps, ["charge", "confirm"]);
  assertEquals(confirmed.saga.finishedAt, T0 + 3);
  const superseded = advance(
    pay,
    { ...paid, cancelAccepted: true },
    charged.saga,
    T0 + 3,
  );
  assertEquals(superseded.saga.state, "superseded");
  assertEquals(superseded.change?.order.status, "PAID");
});

Deno.test("a decline is a result: no step completed, the failure on record, the undo marked", () => {
  const reserved: Order = { ...order, status: "RESERVED", reservationId: "r" };
  const declined = {
    kind: "declined",
    reason: "no money",
    sentBefore: false,
  } as const;
  const next = resolve(pay, reserved, attempting("charge"), declined, T0);
  assertEquals(next.saga.completedSteps, []);
  assertEquals(next.saga.failure, "payment declined: no money");
  assertEquals(next.saga.attempt?.step, "release");
  assertEquals(next.change, null, "the order has not changed yet");
});

Deno.test("an end frees the saga under a new fence", () => {
  const end = advance(cancel, order, { ...saga, kind: "cancel" }, T0 + 9);
  assertEquals(end.next, "end");
  assertEquals(end.saga.owner, null);
  assertEquals(end.saga.fence, saga.fence + 1);
  assertEquals(end.saga.finishedAt, T0 + 9);
});

Deno.test("a result takes the stuck flag off", () => {
  const flagged: Saga = { ...attempting("reserve"), stuckReason: "401" };
  assertEquals(resolve(pay, order, flagged, done, T0).saga.stuckReason, null);
});

Deno.test("a declined undo parks: no open attempt is left to re-send, later sagas wait", () => {
  const failing: Saga = { ...attempting("release"), failure: "declined" };
  const reserved: Order = { ...order, status: "RESERVED", reservationId: "r" };
  const declined = {
    kind: "declined",
    reason: "no",
    sentBefore: false,
  } as const;
  const next = resolve(pay, reserved, failing, declined, T0);
  assertEquals(next.next, "end");
  assertEquals(next.saga.state, "parked");
  assertEquals(next.saga.stuckReason, "release declined: no");
  assertEquals(next.saga.attempt, null);
  assertEquals(next.saga.owner, null);
  assertEquals(next.saga.finishedAt, null, "parked is not finished");
});

Deno.test("parking an unknown keeps the open attempt as evidence", () => {
  const open = attempting("charge");
  const next = park(pay, order, open, "too old", T0);
  assertEquals(next.saga.attempt, open.attempt);
  assertEquals([next.saga.state, next.saga.stuckReason], ["parked", "too old"]);
  assertEquals(next.change, null);
});

Deno.test("handing back changes owner and fence and not the attempt", () => {
  const open = attempting("charge");
  assertEquals(handBack(open, T0 + 4), {
    ...open,
    owner: null,
    leaseUntil: null,
    fence: open.fence + 1,
    updatedAt: T0 + 4,
  });
});

Deno.test("postponing counts the unknown, keeps key, bytes and first attempt, and frees the saga", () => {
  const open = attempting("charge");
  const later = postpone(open, T0 + 500, "why", T0 + 4);
  assertEquals(later, {
    ...handBack(open, T0 + 4),
    attempt: open.attempt && { ...open.attempt, unknowns: 3 },
    nextAttemptAt: T0 + 500,
    stuckReason: "why",
  });
});

Deno.test("a claim is one fence more, and names no owner when the same commit ends the saga", () => {
  const free: Saga = { ...saga, owner: null };
  const taken = claimBy(free, free, "me");
  assertEquals([taken.owner, taken.fence], ["me", saga.fence + 1]);
  const ended = claimBy(handBack(free, T0), free, "me");
  assertEquals([ended.owner, ended.fence], [null, saga.fence + 2]);
});

Deno.test("resolving without an attempt is a defect", () => {
  assertThrows(
    () => resolve(pay, order, saga, done, T0),
    Error,
    "it has no attempt",
  );
});

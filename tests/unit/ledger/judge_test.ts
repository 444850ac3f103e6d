import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  judge,
  printVerdict,
  type ProblemKind,
  type Verdict,
  verdictLine,
} from "../../support/ledger/mod.ts";
import * as f from "./fixtures.ts";

/** Judges sound facts with one thing changed. */
function judged(change: (facts: f.MutableFacts) => void): Verdict {
  const facts = f.sound();
  change(facts);
  return judge(facts);
}

/** Asserts that exactly these problems were found, as `kind: part of the message`. */
function finds(verdict: Verdict, ...expected: [ProblemKind, string][]): void {
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

Deno.test("sound facts pass, with one effect for each acknowledged intent", () => {
  const verdict = judged(() => {});
  finds(verdict);
  assertEquals(
    verdictLine(verdict),
    "acknowledged 3 · effects 3 · lost 0 · duplicated 0 · gaps 0 · wrong 0 · unsettled 0",
  );
  assertEquals(verdict.story, null);
});

Deno.test("no facts at all: nothing acknowledged, nothing wrong", () => {
  const verdict = judged((facts) => {
    facts.intents = facts.orders = facts.sagas = [];
    facts.timeline = facts.effects = facts.events = [];
  });
  finds(verdict);
  assertEquals(verdict.acknowledged, 0);
});

Deno.test("control: a double charge with the same key is duplicated", () => {
  const verdict = judged((facts) =>
    facts.effects = [...facts.effects, f.effect({ id: "ch_2" })]
  );
  finds(verdict, ["duplicated", "saga_pay:charge took effect 2 times"]);
  assertEquals(verdict.effects, 3);
});

Deno.test("a charge under another key of the same order is duplicated, and an orphan", () => {
  finds(
    judged((facts) =>
      facts.effects = [
        ...facts.effects,
        f.effect({ key: "saga_x:charge", id: "ch_2" }),
      ]
    ),
    ["duplicated", "charge was done by 2 keys"],
    ["wrong", "belongs to no saga"],
  );
});

Deno.test("control: a lost event is a gap, at the end of the sequence too", () => {
  for (const lost of [1, 2, 3]) {
    finds(
      judged((facts) =>
        facts.events = facts.events.filter(({ topic, seq }) =>
          topic !== "order" || seq !== lost
        )
      ),
      ["gap", `order event ${lost} of 3 is missing`],
    );
  }
});

Deno.test("control: a dropped order loses every intent that was acknowledged for it", () => {
  const verdict = judged((facts) => facts.orders = []);
  assertEquals(verdict.counts.lost, 3);
  assertEquals(verdict.effects, 0);
  assertEquals(verdict.ok, false);
  assertStringIncludes(verdict.story ?? "", "not in the store");
});

Deno.test("an acknowledged pay or refund without a saga is lost", () => {
  const noRefund = judged((facts) => {
    facts.sagas = [f.pay];
    facts.orders = [{ ...f.order, lastSagaNumber: 1, refundedMinor: 0n }];
    facts.effects = [f.reserve, f.charge];
  });
  finds(noRefund, ["lost", "the acknowledged refund has no saga"]);
  assertEquals(noRefund.effects, 2);
  const other = judged((facts) =>
    facts.sagas = [f.pay, { ...f.refund, amountMinor: 299n }]
  );
  assertEquals(other.counts.lost > 0, true);
});

Deno.test("a completed saga whose effect no provider knows is lost", () => {
  const verdict = judged((facts) => {
    facts.effects = [f.reserve, f.charge];
  });
  assertEquals(verdict.counts.lost, 1);
  assertEquals(verdict.problems[0]?.key, "k-refund");
});

Deno.test("a failed pay needs the provider's decline on record", () => {
  const failed = (facts: f.MutableFacts) => {
    facts.intents = [f.createIntent, f.payIntent];
    facts.sagas = [{ ...f.pay, state: "failed", failure: "declined" }];
    facts.orders = [{
      ...f.order,
      status: "CANCELED",
      capturedMinor: 0n,
      refundedMinor: 0n,
      reservationId: null,
      lastSagaNumber: 1,
    }];
    facts.effects = [f.effect({ result: "declined", id: "" })];
  };
  finds(judged(failed));
  finds(
    judged((facts) => {
      failed(facts);
      facts.effects = [];
    }),
    ["lost", "no decline is on record"],
  );
});

Deno.test("a canceled order gives back its money and its inventory", () => {
  const cancel = { ...f.refund, id: "saga_cancel", kind: "cancel" as const };
  const canceled = (facts: f.MutableFacts) => {
    facts.intents = [
      f.createIntent,
      f.payIntent,
      f.intent({ key: "k-refund", method: "cancel", reason: "broken" }),
    ];
    facts.sagas = [f.pay, { ...cancel, amountMinor: null }];
    facts.orders = [{
      ...f.order,
      status: "CANCELED",
      refundedMinor: 1_000n,
      reservationId: null,
    }];
    facts.effects = [
      f.reserve,
      f.charge,
      {
        ...f.refundEffect,
        key: "saga_cancel:refund",
        amountMinor: 1_000n,
      },
      f.effect({
        key: "saga_cancel:release",
        operation: "release",
        amountMinor: null,
        request: '{"reservation_id":"rsv_1"}',
      }),
    ];
  };
  finds(judged(canceled));
  finds(
    judged((facts) => {
      canceled(facts);
      facts.effects = facts.effects.slice(0, 3);
    }),
    ["wrong", "reserved: providers say 1, the order 0"],
  );
  finds(
    judged((facts) => {
      canceled(facts);
      facts.effects = facts.effects.filter(({ operation }) =>
        operation !== "refund"
      );
    }),
    ["wrong", "refunded: providers say 0, the order 1000"],
  );
  finds(
    judged((facts) => {
      canceled(facts);
      facts.orders = facts.orders.map((order) => ({
        ...order,
        refundedMinor: 0n,
        status: "CANCELED",
      }));
    }),
    ["wrong", "refunded: providers say 1000, the order 0"],
    ["wrong", "CANCELED with 1000 captured and 0 refunded"],
  );
});

Deno.test("a pay that is superseded needs the cancel that supersedes it", () => {
  const verdict = judged((facts) =>
    facts.sagas = [{ ...f.pay, state: "superseded" }, f.refund]
  );
  finds(verdict, ["wrong", "superseded by no cancel"]);
});

Deno.test("effects of an unacknowledged intent are allowed, as long as it was asked for", () => {
  const open = f.intent({
    ...f.payIntent,
    outcome: { kind: "unanswered" },
  });
  const verdict = judged((facts) =>
    facts.intents = [f.createIntent, open, f.refundIntent]
  );
  finds(verdict);
  assertEquals(verdict.acknowledged, 2);
  const refused = f.intent({
    ...f.payIntent,
    outcome: { kind: "refused", reason: "PAY_ALREADY_ACCEPTED" },
  });
  finds(
    judged((facts) =>
      facts.intents = [f.createIntent, refused, f.refundIntent]
    ),
    ["wrong", "a pay saga that nobody asked for"],
  );
});

Deno.test("one refund saga more than was asked for is duplicated", () => {
  const again = { ...f.refund, id: "saga_again", number: 3 };
  const verdict = judged((facts) => {
    facts.sagas = [f.pay, f.refund, again];
    facts.orders = [{ ...f.order, lastSagaNumber: 3, refundedMinor: 600n }];
    facts.effects = [
      ...facts.effects,
      { ...f.refundEffect, key: "saga_again:refund", id: "re_2" },
    ];
  });
  finds(verdict, ["duplicated", "one more than was asked for"]);
});

Deno.test("amounts that differ by one minor unit are wrong", () => {
  const verdict = judged((facts) =>
    facts.effects = [
      f.reserve,
      f.effect({ amountMinor: 1_001n }),
      f.refundEffect,
    ]
  );
  finds(
    verdict,
    ["wrong", "charge of 1001 EUR, due were 1000 EUR"],
    ["wrong", "captured: providers say 1001, the order 1000"],
  );
});

Deno.test("what is not settled never passes, and is no effect", () => {
  const open = judged((facts) =>
    facts.sagas = [f.pay, { ...f.refund, state: "parked", stuckReason: "why" }]
  );
  finds(open, ["unsettled", "is parked (why)"]);
  assertEquals(open.effects, 2);
  finds(
    judged((facts) =>
      facts.outbox = new Map([["e", { value: "{}", sent: false }]])
    ),
    ["unsettled", "1 events are not published"],
  );
  const held = judged((facts) =>
    facts.orders = [{ ...f.order, heldMinor: 1n }]
  );
  finds(held, ["unsettled", "1 are held"]);
});

Deno.test("late copies of an event pass when they are the same bytes", () => {
  finds(
    judged((facts) => facts.events = [...facts.events, f.event("saga", 2)]),
  );
  finds(
    judged((facts) =>
      facts.events = [...facts.events, f.event("saga", 2, "{}")]
    ),
    ["wrong", "saga event 2 has two versions"],
  );
});

Deno.test("first copies out of order are a gap for whoever follows the topic", () => {
  finds(
    judged((facts) =>
      facts.events = [
        f.event("order", 1),
        f.event("order", 3),
        f.event("order", 2),
        ...facts.events.slice(3),
      ]
    ),
    ["gap", "order event 2 (t) came first after 3"],
  );
});

Deno.test("an event that was never committed, or has other bytes than the outbox, is wrong", () => {
  finds(
    judged((facts) => facts.events = [...facts.events, f.event("order", 4)]),
    ["wrong", "was never committed"],
  );
  finds(
    judged((facts) =>
      facts.outbox = new Map([
        ["ord_1:order:1", { value: "{}", sent: true }],
      ])
    ),
    ["wrong", "published with other bytes"],
  );
});

Deno.test("an acknowledged key whose answer is gone would be carried out twice: lost", () => {
  finds(
    judged((facts) => {
      const answers = new Map(facts.answers);
      answers.delete("k-pay");
      facts.answers = answers;
    }),
    ["lost", "pay: its answer is not kept"],
  );
});

Deno.test("a repetition that got another answer is wrong", () => {
  finds(
    judged((facts) =>
      facts.intents = [
        f.createIntent,
        {
          ...f.payIntent,
          replays: [{ orderId: "ord_1", status: "PAID", at: 3 }],
        },
        f.refundIntent,
      ]
    ),
    ["wrong", "a repetition got another answer"],
  );
});

Deno.test("an order that no key has asked for is a duplicate", () => {
  const verdict = judged((facts) =>
    facts.orders = [f.order, {
      ...f.order,
      id: "ord_2",
      status: "PENDING",
      capturedMinor: 0n,
      refundedMinor: 0n,
      reservationId: null,
      lastSagaNumber: 0,
      orderSeq: 0,
      sagaSeq: 0,
    }]
  );
  finds(verdict, ["duplicated", "an order that no key has asked for"]);
});

Deno.test("the story has calls, sagas, timeline, effects, events and incidents in the order of time", () => {
  const verdict = judged((facts) => {
    facts.effects = [...facts.effects, f.effect({ id: "ch_2" })];
    facts.incidents = [{ at: 2, what: "SIGKILL to 1" }];
  });
  const story = printVerdict(verdict);
  for (
    const part of [
      "saga #1 pay",
      "create acknowledged",
      "OrderStatusChanged PAID",
      "charge done 1000 EUR ch_2",
      "saga 6",
      "SIGKILL to 1",
    ]
  ) assertStringIncludes(story, part);
});

Deno.test("control: one order's events on two partitions have no order", () => {
  const verdict = judged((facts) => {
    facts.events = facts.events.map((event, index) => ({
      ...event,
      partition: index % 2,
    }));
  });
  finds(
    verdict,
    ["wrong", "order events are on 2 partitions"],
    ["wrong", "saga events are on 2 partitions"],
  );
  assertStringIncludes(
    verdict.story ?? "",
    "order 2 t, partition 1",
  );
});

Deno.test("a dead letter fills its place wherever it is read", () => {
  const verdict = judged((facts) => {
    const dead = { ...f.event("saga", 4), value: null };
    const others = facts.events.filter(({ id }) => id !== dead.id);
    facts.events = [dead, ...others];
  });
  assertEquals(verdict.problems, []);
});

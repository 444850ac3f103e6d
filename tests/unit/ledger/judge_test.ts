import { assertEquals, assertStringIncludes } from "@std/assert";
import { printVerdict, verdictLine } from "../../support/ledger/mod.ts";
import * as f from "./fixtures.ts";

Deno.test("sound facts pass, with one effect for each acknowledged intent", () => {
  const verdict = f.judged(() => {});
  f.finds(verdict);
  assertEquals(
    verdictLine(verdict),
    "acknowledged 3 · effects 3 · lost 0 · duplicated 0 · gaps 0 · wrong 0 · unsettled 0",
  );
  assertEquals(verdict.story, null);
});

Deno.test("no facts at all: nothing acknowledged, nothing wrong", () => {
  const verdict = f.judged((facts) => {
    facts.intents = facts.orders = facts.sagas = [];
    facts.timeline = facts.effects = facts.events = [];
  });
  f.finds(verdict);
  assertEquals(verdict.acknowledged, 0);
});

Deno.test("control: a double charge with the same key is duplicated", () => {
  const verdict = f.judged((facts) =>
    facts.effects = [...facts.effects, f.effect({ id: "ch_2" })]
  );
  f.finds(verdict, ["duplicated", "saga_pay:charge took effect 2 times"]);
  assertEquals(verdict.effects, 3);
});

Deno.test("a charge under another key of the same order is duplicated, and an orphan", () => {
  f.finds(
    f.judged((facts) =>
      facts.effects = [
        ...facts.effects,
        f.effect({ key: "saga_x:charge", id: "ch_2" }),
      ]
    ),
    ["duplicated", "charge was done by 2 keys"],
    ["wrong", "belongs to no saga"],
  );
});

Deno.test("control: a dropped order loses every intent that was acknowledged for it", () => {
  const verdict = f.judged((facts) => facts.orders = []);
  assertEquals(verdict.counts.lost, 3);
  assertEquals(verdict.effects, 0);
  assertEquals(verdict.ok, false);
  assertStringIncludes(verdict.story ?? "", "not in the store");
});

Deno.test("an acknowledged pay or refund without a saga is lost", () => {
  const noRefund = f.judged((facts) => {
    facts.sagas = [f.pay];
    facts.orders = [{ ...f.order, lastSagaNumber: 1, refundedMinor: 0n }];
    facts.effects = [f.reserve, f.charge];
  });
  f.finds(noRefund, ["lost", "the acknowledged refund has no saga"]);
  assertEquals(noRefund.effects, 2);
  const other = f.judged((facts) =>
    facts.sagas = [f.pay, { ...f.refund, amountMinor: 299n }]
  );
  assertEquals(other.counts.lost > 0, true);
});

Deno.test("a completed saga whose effect no provider knows is lost", () => {
  const verdict = f.judged((facts) => {
    facts.effects = [f.reserve, f.charge];
  });
  assertEquals(verdict.counts.lost, 1);
  assertEquals(verdict.problems[0]?.key, "k-refund");
});

/** The order is CANCELED: its payment was declined. */
function payDeclined(facts: f.MutableFacts): void {
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
}

Deno.test("a failed pay needs the provider's decline on record", () => {
  const failed = (facts: f.MutableFacts) => {
    facts.intents = [f.createIntent, f.payIntent];
    payDeclined(facts);
  };
  f.finds(f.judged(failed));
  f.finds(
    f.judged((facts) => {
      failed(facts);
      facts.effects = [];
    }),
    ["lost", "no decline is on record"],
  );
});

Deno.test("a pay declined in doubt has its reservation given back, by the key of its call", () => {
  const release = f.effect({
    key: "saga_pay:release",
    operation: "release",
    id: "rel_1",
    amountMinor: null,
    request: '{"reservation_id":"saga_pay:reserve"}',
  });
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
    facts.effects = [f.reserve, release];
  };
  f.finds(f.judged(failed));
  f.finds(
    f.judged((facts) => {
      failed(facts);
      facts.effects = [f.reserve];
    }),
    ["lost", "no decline is on record"],
    ["wrong", "reserved: providers say 1, the order 0"],
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
  f.finds(f.judged(canceled));
  f.finds(
    f.judged((facts) => {
      canceled(facts);
      facts.effects = facts.effects.slice(0, 3);
    }),
    ["wrong", "reserved: providers say 1, the order 0"],
  );
  f.finds(
    f.judged((facts) => {
      canceled(facts);
      facts.effects = facts.effects.filter(({ operation }) =>
        operation !== "refund"
      );
    }),
    ["wrong", "refunded: providers say 0, the order 1000"],
  );
  f.finds(
    f.judged((facts) => {
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

Deno.test("a cancel of a CANCELED order needs no saga; any other does, and no two sagas answer two cancels", () => {
  const cancelIntent = (key: string, status: string) =>
    f.intent({
      key,
      method: "cancel",
      outcome: { kind: "acknowledged", orderId: f.ORDER, status },
    });
  const declined = (facts: f.MutableFacts, told: string) => {
    facts.intents = [
      f.createIntent,
      f.payIntent,
      cancelIntent("k-refund", told),
    ];
    payDeclined(facts);
  };
  f.finds(f.judged((facts) => declined(facts, "CANCELED")));
  const accepted = f.judged((facts) => declined(facts, "PENDING"));
  f.finds(accepted, ["lost", "the acknowledged cancel has no saga"]);
  assertEquals(accepted.problems[0]?.key, "k-refund");
  f.finds(
    f.judged((facts) => {
      declined(facts, "CANCELED");
      const cancel = {
        ...f.refund,
        kind: "cancel" as const,
        amountMinor: null,
      };
      facts.sagas = [
        ...facts.sagas,
        { ...cancel, id: "saga_a" },
        { ...cancel, id: "saga_b", number: 3 },
      ];
      facts.orders = facts.orders.map((order) => ({
        ...order,
        lastSagaNumber: 3,
      }));
    }),
    ["duplicated", "2 cancel sagas were accepted"],
  );
  f.finds(
    f.judged((facts) => {
      const told = cancelIntent("k-refund", "CANCELED");
      facts.intents = [f.createIntent, f.payIntent, told];
      facts.sagas = [f.pay];
      facts.effects = [f.reserve, f.charge];
      facts.orders = [{ ...f.order, refundedMinor: 0n, lastSagaNumber: 1 }];
    }),
    ["wrong", "a cancel was told CANCELED, it is not"],
  );
});

Deno.test("a pay that is superseded needs the cancel that supersedes it", () => {
  const verdict = f.judged((facts) =>
    facts.sagas = [{ ...f.pay, state: "superseded" }, f.refund]
  );
  f.finds(verdict, ["wrong", "superseded by no cancel"]);
});

Deno.test("effects of an unacknowledged intent are allowed, as long as it was asked for", () => {
  const open = f.intent({
    ...f.payIntent,
    outcome: { kind: "unanswered" },
  });
  const verdict = f.judged((facts) =>
    facts.intents = [f.createIntent, open, f.refundIntent]
  );
  f.finds(verdict);
  assertEquals(verdict.acknowledged, 2);
  const refused = f.intent({
    ...f.payIntent,
    outcome: { kind: "refused", reason: "PAY_ALREADY_ACCEPTED" },
  });
  f.finds(
    f.judged((facts) =>
      facts.intents = [f.createIntent, refused, f.refundIntent]
    ),
    ["wrong", "a pay saga that nobody asked for"],
  );
});

Deno.test("one refund saga more than was asked for is duplicated", () => {
  const again = { ...f.refund, id: "saga_again", number: 3 };
  const verdict = f.judged((facts) => {
    facts.sagas = [f.pay, f.refund, again];
    facts.orders = [{ ...f.order, lastSagaNumber: 3, refundedMinor: 600n }];
    facts.effects = [
      ...facts.effects,
      { ...f.refundEffect, key: "saga_again:refund", id: "re_2" },
    ];
  });
  f.finds(verdict, ["duplicated", "one more than was asked for"]);
});

Deno.test("amounts that differ by one minor unit are wrong", () => {
  const verdict = f.judged((facts) =>
    facts.effects = [
      f.reserve,
      f.effect({ amountMinor: 1_001n }),
      f.refundEffect,
    ]
  );
  f.finds(
    verdict,
    ["wrong", "charge of 1001 EUR, due were 1000 EUR"],
    ["wrong", "captured: providers say 1001, the order 1000"],
  );
});

Deno.test("what is not settled never passes, and is no effect", () => {
  const open = f.judged((facts) =>
    facts.sagas = [f.pay, { ...f.refund, state: "parked", stuckReason: "why" }]
  );
  f.finds(open, ["unsettled", "is parked (why)"]);
  assertEquals(open.effects, 2);
  f.finds(
    f.judged((facts) =>
      facts.outbox = new Map([["e", { value: "{}", sent: false }]])
    ),
    ["unsettled", "1 events are not published"],
  );
  const held = f.judged((facts) =>
    facts.orders = [{ ...f.order, heldMinor: 1n }]
  );
  f.finds(held, ["unsettled", "1 are held"]);
});

Deno.test("an acknowledged key whose answer is gone would be carried out twice: lost", () => {
  f.finds(
    f.judged((facts) => {
      const answers = new Map(facts.answers);
      answers.delete("k-pay");
      facts.answers = answers;
    }),
    ["lost", "pay: its answer is not kept"],
  );
});

Deno.test("a repetition that got another answer is wrong", () => {
  f.finds(
    f.judged((facts) =>
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
  const verdict = f.judged((facts) =>
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
  f.finds(verdict, ["duplicated", "an order that no key has asked for"]);
});

Deno.test("the story has calls, sagas, timeline, effects, events and incidents in the order of time", () => {
  const verdict = f.judged((facts) => {
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

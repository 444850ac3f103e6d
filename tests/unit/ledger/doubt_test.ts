import { assertEquals, assertStringIncludes } from "@std/assert";
import { verdictLine } from "../../support/ledger/mod.ts";
import * as f from "./fixtures.ts";

const MOVED = { clockMoved: true };

/** The refund's answer is unknown, and its age too. */
function doubtful(facts: f.MutableFacts, stuckReason: string): void {
  facts.sagas = [f.pay, {
    ...f.refund,
    state: "parked",
    completedSteps: [],
    attemptStep: "refund",
    stuckReason,
  }];
  facts.orders = [{ ...f.order, refundedMinor: 0n, heldMinor: 300n }];
}

const TOO_OLD =
  "refund is unknown and its key is older than the 82800000 ms for which the provider keeps keys";

Deno.test("where the clock was moved, an attempt that may be too old parks its order, whether it took effect or not", () => {
  for (const effects of [[f.refundEffect], []]) {
    const change = (facts: f.MutableFacts) => {
      doubtful(facts, TOO_OLD);
      facts.effects = [f.reserve, f.charge, ...effects];
    };
    const verdict = f.judged(change, MOVED);
    f.finds(verdict);
    assertEquals(verdict.parked, 1);
    assertStringIncludes(
      verdictLine(verdict),
      "acknowledged 3 · effects 2 · lost 0 · duplicated 0 · gaps 0 · wrong 0 · unsettled 0 · parked 1",
    );
    assertEquals(f.judged(change).counts.unsettled, 2);
  }
});

Deno.test("an order that is parked for another reason is not in doubt", () => {
  const verdict = f.judged(
    (facts) => {
      doubtful(facts, "an undo was declined");
      facts.effects = [f.reserve, f.charge];
    },
    MOVED,
  );
  assertEquals(verdict.parked, 0);
  assertEquals(verdict.counts.unsettled, 2);
});

Deno.test("doubt hides neither an effect that happened twice nor one that another saga has lost", () => {
  const twice = f.judged((facts) => {
    doubtful(facts, TOO_OLD);
    facts.effects = [...facts.effects, { ...f.refundEffect, id: "re_2" }];
  }, MOVED);
  f.finds(twice, ["duplicated", "saga_refund:refund took effect 2 times"]);
  const charged = f.judged((facts) => {
    doubtful(facts, TOO_OLD);
    facts.effects = [...facts.effects, f.effect({ id: "ch_2" })];
  }, MOVED);
  f.finds(charged, ["duplicated", "saga_pay:charge took effect 2 times"]);
  const lost = f.judged((facts) => {
    doubtful(facts, TOO_OLD);
    facts.effects = [f.reserve];
  }, MOVED);
  assertEquals(lost.counts.lost, 1);
});

/** What the ledger holds against the events that consumers read. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import * as f from "./fixtures.ts";

Deno.test("control: a lost event is a gap, at the end of the sequence too", () => {
  for (const lost of [1, 2, 3]) {
    f.finds(
      f.judged((facts) =>
        facts.events = facts.events.filter(({ topic, seq }) =>
          topic !== "order" || seq !== lost
        )
      ),
      ["gap", `order event ${lost} of 3 is missing`],
    );
  }
});

Deno.test("late copies of an event pass when they are the same bytes", () => {
  f.finds(
    f.judged((facts) => facts.events = [...facts.events, f.event("saga", 2)]),
  );
  f.finds(
    f.judged((facts) =>
      facts.events = [...facts.events, f.event("saga", 2, "{}")]
    ),
    ["wrong", "saga event 2 has two versions"],
  );
});

Deno.test("first copies out of order are a gap for whoever follows the topic", () => {
  f.finds(
    f.judged((facts) =>
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
  f.finds(
    f.judged((facts) => facts.events = [...facts.events, f.event("order", 4)]),
    ["wrong", "was never committed"],
  );
  f.finds(
    f.judged((facts) =>
      facts.outbox = new Map([
        ["ord_1:order:1", { value: "{}", sent: true }],
      ])
    ),
    ["wrong", "published with other bytes"],
  );
});

Deno.test("control: one order's events on two partitions have no order", () => {
  const verdict = f.judged((facts) => {
    facts.events = facts.events.map((event, index) => ({
      ...event,
      partition: index % 2,
    }));
  });
  f.finds(
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
  const verdict = f.judged((facts) => {
    const dead = { ...f.event("saga", 4), value: null };
    const others = facts.events.filter(({ id }) => id !== dead.id);
    facts.events = [dead, ...others];
  });
  assertEquals(verdict.problems, []);
});

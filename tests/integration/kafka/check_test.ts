/** The judge of deliveries sees what it is there to see. */
import { assertEquals, assertThrows } from "@std/assert";
import { toRecord } from "../../../src/events/dead_letter.ts";
import { deadLetter } from "../../../src/events/dead_letter.ts";
import { draftEvent } from "../../../src/orders/events.ts";
import { makeOrder, T0 } from "../../support/fixtures.ts";
import { assertDelivered, checkDelivery } from "../../support/kafka/check.ts";
import type { TopicRecord } from "../../support/kafka/records.ts";

const TOPICS = { order: "t.order", saga: "t.saga", dlq: "t.dlq" };

const ORDER = makeOrder();
const EVENTS = [1, 2, 3].map((seq) =>
  draftEvent({
    order: ORDER,
    topic: "order",
    seq,
    type: "order.created",
    sagaId: null,
    metadata: { padding: "ä".repeat(1_000) },
    traceparent: seq === 2 ? "00-trace" : null,
    now: T0,
  })
);

/** As they should arrive. */
const RECORDS: readonly TopicRecord[] = EVENTS.map((event, offset) => ({
  ...toRecord({ ...event, position: offset }, TOPICS.order),
  partition: 0,
  offset,
}));
const [FIRST, SECOND, THIRD] = RECORDS;
if (FIRST === undefined || SECOND === undefined || THIRD === undefined) {
  throw new Error("three records were made");
}
const LETTER: TopicRecord = {
  ...deadLetter(SECOND, {
    topic: TOPICS.dlq,
    message: "too large",
    attempts: 2,
    failedAt: T0,
  }),
  partition: 0,
  offset: 0,
};

function problems(consumed: readonly TopicRecord[]): number {
  return checkDelivery(EVENTS, consumed, TOPICS).problems.length;
}

Deno.test("what is as promised passes: in order, with late copies, with a dead letter in its place", () => {
  assertEquals(checkDelivery(EVENTS, RECORDS, TOPICS), {
    problems: [],
    duplicates: 0,
    deadLetters: 0,
  });
  const late = [...RECORDS, { ...FIRST, offset: 3 }, { ...SECOND, offset: 4 }];
  assertEquals(checkDelivery(EVENTS, late, TOPICS).duplicates, 2);
  assertEquals(checkDelivery(EVENTS, late, TOPICS).problems, []);
  const set = checkDelivery(EVENTS, [FIRST, THIRD, LETTER], TOPICS);
  assertEquals(set, { problems: [], duplicates: 0, deadLetters: 1 });
});

const { traceparent: _, ...untraced } = SECOND.headers;

for (
  const [what, consumed] of Object.entries({
    "an event that never arrived": [FIRST, SECOND],
    "one that came first after a later one": [FIRST, THIRD, SECOND],
    "a late copy with other bytes": [...RECORDS, { ...FIRST, value: "{}" }],
    "a late copy on another partition": [...RECORDS, {
      ...FIRST,
      partition: 1,
    }],
    "an id that nobody has committed": [...RECORDS, {
      ...FIRST,
      headers: { ...FIRST.headers, "event-id": "other" },
    }],
    "another key": [FIRST, SECOND, { ...THIRD, key: "ord_other" }],
    "another topic": [FIRST, SECOND, { ...THIRD, topic: TOPICS.saga }],
    "a lost traceparent": [FIRST, { ...SECOND, headers: untraced }, THIRD],
    "a header too many": [
      {
        ...FIRST,
        headers: { ...FIRST.headers, traceparent: "00-other" },
      },
      SECOND,
      THIRD,
    ],
    "another event-type": [
      {
        ...FIRST,
        headers: { ...FIRST.headers, "event-type": "order.canceled" },
      },
      SECOND,
      THIRD,
    ],
    "a dead letter of an event that arrived": [...RECORDS, LETTER],
    "a dead letter with its whole value": [FIRST, THIRD, {
      ...LETTER,
      value: SECOND.value,
    }],
    "a dead letter of another topic": [FIRST, THIRD, {
      ...LETTER,
      headers: { ...LETTER.headers, "x-original-topic": TOPICS.saga },
    }],
    "a dead letter without a retry count": [FIRST, THIRD, {
      ...LETTER,
      headers: { ...LETTER.headers, "x-retry-count": "" },
    }],
    "a dead letter without a time": [FIRST, THIRD, {
      ...LETTER,
      headers: { ...LETTER.headers, "x-failed-at": "now" },
    }],
  })
) {
  Deno.test(`the check finds ${what}`, () => {
    assertEquals(problems(consumed) > 0, true);
  });
}

Deno.test("the check finds a gap in what was committed", () => {
  const gap = EVENTS.filter(({ seq }) => seq !== 2);
  const error = assertThrows(
    () => assertDelivered(gap, [FIRST, THIRD], TOPICS),
    Error,
    "gaps",
  );
  assertEquals(error.message.startsWith("1 broken promises"), true);
});

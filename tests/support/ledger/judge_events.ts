/**
 * What a consumer that follows one order sees: every event of each topic from
 * seq 1 on without gaps, first copies in order, later copies the same bytes, and
 * all of them on one partition: order holds nowhere else.
 */
import type { EventFact, OrderFact, StoreFacts } from "./facts.ts";
import type { Findings, OrderCase } from "./problem.ts";

/** Judges one order that the store knows. */
export function judgeEvents(
  orderCase: OrderCase,
  order: OrderFact,
  outbox: StoreFacts["outbox"],
  found: Findings,
): void {
  for (const topic of ["order", "saga"] as const) {
    const events = orderCase.events.filter((event) => event.topic === topic);
    const last = topic === "order" ? order.orderSeq : order.sagaSeq;
    sequence(topic, events, last, found);
    const partitions = new Set(
      events.filter(({ value }) => value !== null)
        .map(({ partition }) => partition),
    );
    if (partitions.size > 1) {
      found.add(
        "wrong",
        `${topic} events are on ${partitions.size} partitions`,
      );
    }
    for (const { id, value } of events) {
      const kept = outbox.get(id)?.value;
      if (kept !== undefined && value !== null && kept !== value) {
        found.add("wrong", `event ${id} was published with other bytes`);
      }
    }
  }
}

function sequence(
  topic: string,
  events: readonly EventFact[],
  last: number,
  found: Findings,
): void {
  const first = new Map<number, EventFact>();
  let newest = 0;
  for (const event of events) {
    const { seq, id, type } = event;
    const known = first.get(seq);
    if (known !== undefined) {
      const same = known.id === id &&
        (known.value === event.value || known.value === null ||
          event.value === null);
      if (!same) {
        found.add("wrong", `${topic} event ${seq} has two versions`);
      }
      continue;
    }
    first.set(seq, event);
    // A dead letter is on a topic of its own: nothing says when it came.
    if (event.value !== null) {
      if (seq < newest) {
        found.add(
          "gap",
          `${topic} event ${seq} (${type}) came first after ${newest}`,
        );
      }
      newest = Math.max(newest, seq);
    }
    if (seq > last) {
      found.add(
        "wrong",
        `${topic} event ${seq} (${type}) was never committed; the order has ${last}`,
      );
    }
  }
  for (let seq = 1; seq <= last; seq++) {
    if (!first.has(seq)) {
      found.add("gap", `${topic} event ${seq} of ${last} is missing`);
    }
  }
}

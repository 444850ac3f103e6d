/** One change of one order, and the events that it freezes. */
import { assertEquals, assertThrows } from "@std/assert";
import { OrderEdit } from "../../../src/orders/edit.ts";
import { newSagaId } from "../../../src/orders/ids.ts";
import { makeOrder, T0 } from "../../support/fixtures.ts";

const saga = { id: newSagaId(), kind: "pay" } as const;

function edit(fields = {}, withSaga = true) {
  const base = makeOrder(fields);
  const context = {
    now: T0 + 1_234,
    traceparent: "00-a-b-01",
    saga: withSaga ? saga : null,
  };
  return { base, edit: new OrderEdit(base, context) };
}

Deno.test("finish answers the next version and leaves the base as it was", () => {
  const { base, edit: change } = edit({ version: 7n });
  const copy = { ...base };
  change.facts({ reservationId: "rsv_1" });
  change.status("RESERVED");
  assertEquals(change.finish().order, {
    ...base,
    reservationId: "rsv_1",
    status: "RESERVED",
    version: 8n,
    updatedAt: T0 + 1_234,
  });
  assertEquals(base, copy);
});

Deno.test("an edit that changes nothing says so", () => {
  const { edit: change } = edit();
  assertEquals(change.changed, false);
  change.note("OrderSagaFailed", "why");
  assertEquals(change.changed, true);
});

Deno.test("a status is noted in the timeline, with its name or a reason", () => {
  const { base, edit: change } = edit();
  change.status("RESERVED");
  change.status("CANCELED", "payment declined: no money");
  const at = T0 + 1_234;
  const type = "OrderStatusChanged";
  assertEquals(change.finish().timeline, [
    { orderId: base.id, type, reason: "RESERVED", at },
    { orderId: base.id, type, reason: "payment declined: no money", at },
  ]);
});

Deno.test("an order event has the whole envelope of the contract, frozen as bytes", () => {
  const { base, edit: change } = edit({ orderSeq: 4, customerId: "ada" });
  change.status("CONFIRMED");
  change.emitOrder("order.confirmed", { note: "x" });
  const [event] = change.finish().outbox;
  const at = new Date(T0 + 1_234).toISOString();
  assertEquals(event, {
    eventId: `${base.id}:order:5`,
    topic: "order",
    key: base.id,
    seq: 5,
    eventType: "order.confirmed",
    traceparent: "00-a-b-01",
    createdAt: T0 + 1_234,
    value: JSON.stringify({
      id: `${base.id}:order:5`,
      aggregate_type: "order",
      aggregate_id: base.id,
      event_type: "order.confirmed",
      payload: {
        order_id: base.id,
        customer_id: "ada",
        status: "CONFIRMED",
        timestamp: at,
        metadata: { note: "x" },
      },
      published_at: at,
      occurred_at: at,
      seq: 5,
      schema_version: 1,
    }),
  });
});

Deno.test("a saga event is about its saga, with the order as key", () => {
  const { base, edit: change } = edit({ sagaSeq: 2 });
  change.emitSaga("step.paid", { charge_id: "ch_1" });
  const [event] = change.finish().outbox;
  const envelope = JSON.parse(event?.value ?? "");
  assertEquals([event?.key, event?.topic, event?.seq], [base.id, "saga", 3]);
  assertEquals(envelope.aggregate_type, "saga");
  assertEquals(envelope.aggregate_id, saga.id);
  assertEquals(envelope.payload.metadata, {
    saga_id: saga.id,
    saga: "pay",
    charge_id: "ch_1",
  });
});

Deno.test("sequence numbers count each topic by itself, without gaps, also over edits", () => {
  const { edit: first } = edit({ orderSeq: 0, sagaSeq: 0 });
  first.emitOrder("order.created");
  first.emitSaga("saga.started");
  first.emitSaga("step.reserved");
  const { order, outbox } = first.finish();
  const second = new OrderEdit(order, { now: T0, traceparent: null, saga });
  second.emitOrder("order.confirmed");
  second.emitSaga("saga.completed");
  const all = [...outbox, ...second.finish().outbox];
  assertEquals(all.map(({ topic, seq }) => `${topic} ${seq}`), [
    "order 1",
    "saga 1",
    "saga 2",
    "order 2",
    "saga 3",
  ]);
  assertEquals(new Set(all.map(({ eventId }) => eventId)).size, all.length);
});

Deno.test("an event tells the status at its own moment, not at the end of the edit", () => {
  const { edit: change } = edit({ status: "RESERVED" });
  change.status("PAID");
  change.emitSaga("step.paid");
  change.status("CONFIRMED");
  change.emitOrder("order.confirmed");
  const statuses = change.finish().outbox
    .map(({ value }) => JSON.parse(value).payload.status);
  assertEquals(statuses, ["PAID", "CONFIRMED"]);
});

Deno.test("a saga event without a saga is a mistake of the caller", () => {
  const { edit: change } = edit({}, false);
  assertThrows(
    () => change.emitSaga("saga.started"),
    Error,
    "Cannot emit saga.started: the edit has no saga",
  );
});

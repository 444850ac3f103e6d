/** Orders at each point of their life, and what a definition makes of them. */
import { OrderEdit } from "../../../src/orders/edit.ts";
import type { Order } from "../../../src/orders/order.ts";
import type { ExternalStep, Saga } from "../../../src/orders/saga.ts";
import type {
  SagaDefinition,
  StepOutcome,
} from "../../../src/sagas/definition.ts";
import { makeOrder, makeSaga, T0 } from "../../support/fixtures.ts";

export const done = (id: string): StepOutcome => ({ kind: "done", id });
export const declined: StepOutcome = {
  kind: "declined",
  reason: "no",
  sentBefore: false,
};

export const pending = makeOrder({ payAccepted: true });
export const reserved: Order = {
  ...pending,
  status: "RESERVED",
  reservationId: "rsv_1",
};
export const paid: Order = {
  ...reserved,
  status: "PAID",
  chargeId: "ch_1",
  capturedMinor: 2_100n,
};
export const confirmed: Order = { ...paid, status: "CONFIRMED" };

export function editOf(order: Order, saga: Saga): OrderEdit {
  return new OrderEdit(order, { now: T0, traceparent: null, saga });
}

/** What applying an outcome leaves. */
export function apply(
  definition: SagaDefinition,
  order: Order,
  saga: Saga,
  step: ExternalStep,
  outcome: StepOutcome,
) {
  const edit = editOf(order, saga);
  const patch = definition.apply(edit, saga, step, outcome);
  return { patch, ...told(edit) };
}

export function told(edit: OrderEdit) {
  const { order, timeline, outbox } = edit.finish();
  return {
    order,
    timeline: timeline.map(({ type, reason }) => `${type}: ${reason}`),
    events: outbox.map(({ eventType }) => eventType),
    metadata: outbox.map(({ value }) => JSON.parse(value).payload.metadata),
  };
}

export const paying = makeSaga(pending);

/**
 * Identifiers. The prefix is part of the type, so that an order id cannot be
 * passed where a saga id is expected. Ids are UUIDv7: they sort by creation.
 */
import { v7 } from "uuid";

export type OrderId = `ord_${string}`;
export type SagaId = `saga_${string}`;

export function newOrderId(): OrderId {
  return `ord_${v7()}`;
}

export function newSagaId(): SagaId {
  return `saga_${v7()}`;
}

/** True when `text` has the shape of an order id; says nothing of whether the order exists. */
export function isOrderId(text: string): text is OrderId {
  return text.startsWith("ord_");
}

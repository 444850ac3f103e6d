/**
 * Does a data folder, as a loss of power has left it, hold what the service had promised by then?
 *
 * Invariants: the product's own code opens it, store and event file; what they then hold is read without its
 * help. Not promised: a judgement of what has still to come, such as unfinished sagas; that takes a restart and
 * the ledger.
 */
import { FilePublisher } from "../../../src/events/mod.ts";
import {
  CreateOrderResponse,
  PayOrderResponse,
} from "../../../src/grpc/gen/oms/v1/order_service.ts";
import { openSqliteStore } from "../../../src/storage/sqlite.ts";
import { inlineWriter } from "../inline_writer.ts";
import type {
  EventFact,
  Intent,
  OrderFact,
  StoreFacts,
} from "../ledger/facts.ts";
import { readEvents } from "../ledger/read_events.ts";
import { readStore } from "../ledger/read_store.ts";
import type { Acknowledged, Requested } from "./promises.ts";

/** All that somebody may know at the moment of the loss. */
export interface Promises {
  readonly acknowledged: readonly Acknowledged[];
  readonly requested: readonly Requested[];
  /** What was asked for, by key. */
  readonly intents: ReadonlyMap<string, Intent>;
}

/** What is wrong, one sentence each. Opening the folder changes it, as a start of the service does. */
export async function judgeImage(
  dataDir: string,
  promises: Promises,
): Promise<string[]> {
  try {
    await openAsProduct(dataDir);
    const store = readStore(`${dataDir}/oms.db`);
    const events = readEvents(`${dataDir}/events.ndjson`);
    return [
      ...missingPromises(store, promises),
      ...halfDone(store),
      ...badEvents(store, events),
    ];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

async function openAsProduct(dataDir: string): Promise<void> {
  const store = await openSqliteStore({
    dir: dataDir,
    owner: "inc_after_the_loss",
    onFatal: (error) => {
      throw error;
    },
    startWriter: inlineWriter(),
  });
  await store.ping();
  await store.close();
  const publisher = new FilePublisher(`${dataDir}/events.ndjson`);
  await publisher.publish([], new AbortController().signal);
  await publisher.close();
}

function missingPromises(
  { answers, orders, sagas }: StoreFacts,
  { acknowledged, requested, intents }: Promises,
): string[] {
  const found: string[] = [];
  const orderIds = new Set(orders.map(({ id }) => id));
  const byOrder = Map.groupBy(sagas, ({ orderId }) => orderId);
  const refunds = new Map<string, number>();
  for (const { key, message } of acknowledged) {
    const method = intents.get(key)?.method;
    const what = `lost: the ${method} of ${key}`;
    const answer = answers.get(key);
    if (answer?.code !== 0) found.push(`${what} has no answer`);
    else if (!equal(answer.payload, message)) {
      found.push(`${what} has another answer`);
    }
    const orderId = method === "create"
      ? CreateOrderResponse.decode(message).order?.id ?? ""
      : PayOrderResponse.decode(message).orderId;
    if (!orderIds.has(orderId)) found.push(`${what} has no order ${orderId}`);
    if (method === "create") continue;
    const kept = (byOrder.get(orderId) ?? [])
      .filter(({ kind }) => kind === method).length;
    const due = (refunds.get(`${orderId} ${method}`) ?? 0) + 1;
    refunds.set(`${orderId} ${method}`, due);
    if (kept < due) found.push(`${what} has no saga`);
  }
  const byId = new Map(sagas.map((saga) => [saga.id, saga]));
  for (const { sagaId, step } of requested) {
    const saga = byId.get(sagaId);
    const marked = saga !== undefined &&
      (saga.attemptStep === step || saga.completedSteps.includes(step) ||
        saga.state !== "open");
    if (!marked) {
      found.push(`lost: ${step} of ${sagaId} was sent, and has no mark`);
    }
  }
  return found;
}

/** What one transaction writes is there together. */
function halfDone({ orders, sagas, answers, outbox }: StoreFacts): string[] {
  const numbers = Map.groupBy(sagas, ({ orderId }) => orderId);
  const found = orders.filter((order) =>
    (numbers.get(order.id) ?? []).length !== order.lastSagaNumber
  ).map(({ id }) => `half: ${id} has not all of its sagas`);
  const due = orders.reduce((sum, order) => sum + eventsOf(order), 0);
  if (outbox.size !== due) {
    found.push(`half: ${outbox.size} of ${due} events are in the outbox`);
  }
  const accepted = orders.reduce(
    (sum, { lastSagaNumber }) => sum + 1 + lastSagaNumber,
    0,
  );
  const kept = [...answers.values()].filter(({ code }) => code === 0).length;
  if (kept !== accepted) {
    found.push(`half: ${kept} answers, ${accepted} accepted calls`);
  }
  return found;
}

function eventsOf({ orderSeq, sagaSeq }: OrderFact): number {
  return orderSeq + sagaSeq;
}

/** Marked as sent means that the line is there; a line means that the store knows its event. */
function badEvents(
  { outbox }: StoreFacts,
  events: readonly EventFact[],
): string[] {
  const told = new Set(events.map(({ id }) => id));
  const missing = [...outbox].filter(([id, { sent }]) => sent && !told.has(id))
    .map(([id]) => `lost: event ${id} is marked as sent, and in no file`);
  const unknown = [...told].filter((id) => !outbox.has(id))
    .map((id) => `wrong: event ${id} was told, and the store does not know it`);
  return [...missing, ...unknown];
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

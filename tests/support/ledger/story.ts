/** Everything that is known of one order, in the order of time. For people. */
import type { OrderCase } from "./problem.ts";

interface Entry {
  readonly at: number;
  readonly source: string;
  readonly text: string;
}

/** What happened to the service so long before and after an order belongs to its story. */
const AROUND_MS = 1_000;

export function tellStory(orderCase: OrderCase | undefined): string | null {
  if (orderCase === undefined) return null;
  const { order, sagas, orderId } = orderCase;
  const head = order === null
    ? `${orderId}: not in the store`
    : `${orderId}: ${order.status}, version ${order.version}, amount ${order.amountMinor} ${order.currency}, ` +
      `captured ${order.capturedMinor}, refunded ${order.refundedMinor}, held ${order.heldMinor}, ` +
      `charge ${order.chargeId ?? "-"}, reservation ${
        order.reservationId ?? "-"
      }, ` +
      `events ${order.orderSeq}+${order.sagaSeq}`;
  const lines = [head];
  for (const saga of sagas) {
    lines.push(
      `  saga #${saga.number} ${saga.kind} ${saga.id}: ${saga.state}, ` +
        `done ${saga.completedSteps.join(" ") || "nothing"}` +
        (saga.attemptStep === null ? "" : `, attempting ${saga.attemptStep}`) +
        (saga.failure === null ? "" : `, ${saga.failure}`) +
        (saga.stuckReason === null ? "" : `, stuck: ${saga.stuckReason}`) +
        `, fence ${saga.fence}`,
    );
  }
  const entries = entriesOf(orderCase);
  const own = entries.filter(({ source }) => source !== "service");
  const from = Math.min(...own.map(({ at }) => at));
  const to = Math.max(...own.map(({ at }) => at));
  const before = entries.filter(({ at }) => at < from - AROUND_MS).at(-1);
  for (const entry of entries) {
    const { at, source, text } = entry;
    // The newest from before says which incarnation the order began in.
    const near = at >= from - AROUND_MS && at <= to + AROUND_MS;
    if (!near && entry !== before) continue;
    lines.push(`  ${clock(at)}  ${source.padEnd(9)} ${text}`);
  }
  return lines.join("\n");
}

function entriesOf(orderCase: OrderCase): Entry[] {
  const entries: Entry[] = [];
  for (const intent of orderCase.intents) {
    const { method, key, amountMinor, outcome, codes } = intent;
    const amount = amountMinor === null ? "" : ` ${amountMinor}`;
    entries.push({
      at: intent.at,
      source: "client",
      text: `${method}${amount} key ${key}`,
    });
    if (intent.endedAt !== null) {
      const how = outcome.kind === "acknowledged"
        ? `acknowledged, ${outcome.status}`
        : outcome.kind === "unanswered"
        ? outcome.kind
        : `${outcome.kind}: ${outcome.reason}`;
      entries.push({
        at: intent.endedAt,
        source: "client",
        text: `${method} ${how} (${codes.join(" ")})`,
      });
    }
    for (const { at, status } of intent.replays) {
      entries.push({
        at,
        source: "client",
        text: `${method} again: ${status}`,
      });
    }
  }
  for (const { at, type, reason } of orderCase.timeline) {
    entries.push({ at, source: "timeline", text: `${type} ${reason}`.trim() });
  }
  for (const effect of orderCase.effects) {
    const amount = effect.amountMinor === null
      ? ""
      : ` ${effect.amountMinor} ${effect.currency}`;
    entries.push({
      at: effect.at,
      source: "provider",
      text:
        `${effect.operation} ${effect.result}${amount} ${effect.id} (${effect.key})`,
    });
  }
  // A dead letter does not say when its event occurred.
  let told = orderCase.order?.createdAt ?? 0;
  for (const event of orderCase.events) {
    const { topic, seq, type, occurredAt, partition } = event;
    const where = partition === undefined ? "" : `, partition ${partition}`;
    told = occurredAt ?? told;
    entries.push({
      at: told,
      source: "event",
      text: `${topic} ${seq} ${type}${where}`,
    });
  }
  for (const { at, what } of orderCase.incidents) {
    entries.push({ at, source: "service", text: what });
  }
  return entries.sort((a, b) => a.at - b.at);
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

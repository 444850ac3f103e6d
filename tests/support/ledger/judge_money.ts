/**
 * The providers against the order: each effect once, belonging to a saga, and
 * the sums equal to what the order says.
 */
import { z } from "zod";
import type { EffectFact, OrderFact } from "./facts.ts";
import type { Findings, OrderCase } from "./problem.ts";

const References = z.object({
  charge_id: z.string().optional(),
  reservation_id: z.string().optional(),
});

/** Effects of a saga that the store does not know: money moved that nothing accounts for. */
export function judgeOrphans(orderCase: OrderCase, found: Findings): void {
  const keys = new Set(
    orderCase.sagas.flatMap(({ id }) =>
      ["reserve", "charge", "refund", "release"].map((step) => `${id}:${step}`)
    ),
  );
  for (const { key, operation, result } of orderCase.effects) {
    if (result === "done" && !keys.has(key)) {
      found.add("wrong", `${operation} ${key} belongs to no saga of the order`);
    }
  }
}

/**
 * Judges one order that the store knows.
 *
 * @param doubt key whose effect the order may not know of
 */
export function judgeMoney(
  { effects }: OrderCase,
  order: OrderFact,
  doubt: string | null,
  found: Findings,
): void {
  const done = effects.filter(({ result }) => result === "done");
  once(effects, found);
  const charges = done.filter(({ operation }) => operation === "charge");
  const refunds = done.filter(({ operation }) => operation === "refund");
  const reserves = done.filter(({ operation }) => operation === "reserve");
  const releases = done.filter(({ operation }) => operation === "release");
  atMostOne("charge", charges, found);
  atMostOne("reserve", reserves, found);
  atMostOne("release", releases, found);
  // What was done twice does not add up either; one finding says it.
  if (!found.has("duplicated")) {
    const known = (each: EffectFact) => each.key !== doubt;
    agree("captured", sum(charges.filter(known)), order.capturedMinor, found);
    agree("refunded", sum(refunds.filter(known)), order.refundedMinor, found);
    const held = BigInt(
      reserves.filter(known).length - releases.filter(known).length,
    );
    agree("reserved", held, order.reservationId === null ? 0n : 1n, found);
  }
  references(refunds, "charge_id", charges, found);
  references(releases, "reservation_id", reserves, found);
  ended(order, found);
}

function once(effects: readonly EffectFact[], found: Findings): void {
  const byKey = Map.groupBy(effects, ({ key }) => key);
  for (const [key, lines] of byKey) {
    const done = lines.filter(({ result }) => result === "done").length;
    if (done > 1) found.add("duplicated", `${key} took effect ${done} times`);
    if (done > 0 && done < lines.length) {
      found.add("wrong", `${key} was both done and declined`);
    }
  }
}

/** Steps that an order can need only once, whatever their key. */
function atMostOne(
  operation: string,
  done: readonly EffectFact[],
  found: Findings,
): void {
  const keys = new Set(done.map(({ key }) => key));
  if (keys.size > 1) {
    found.add(
      "duplicated",
      `${operation} was done by ${keys.size} keys: ${[...keys].join(", ")}`,
    );
  }
}

function agree(
  what: string,
  provider: bigint,
  order: bigint,
  found: Findings,
): void {
  if (provider !== order) {
    found.add(
      "wrong",
      `${what}: providers say ${provider}, the order ${order}`,
    );
  }
}

function references(
  effects: readonly EffectFact[],
  field: "charge_id" | "reservation_id",
  earlier: readonly EffectFact[],
  found: Findings,
): void {
  // A reservation whose answer was never known is released by the key of its call.
  const known = new Set(
    earlier.flatMap(({ id, key }) =>
      field === "reservation_id" ? [id, key] : [id]
    ),
  );
  for (const { key, request } of effects) {
    if (request === "") continue;
    const id = References.parse(JSON.parse(request))[field];
    if (id === undefined || !known.has(id)) {
      found.add("wrong", `${key} names ${field} ${id}, which was never done`);
    }
  }
}

/** What the order's status says about its money and its inventory. */
function ended(order: OrderFact, found: Findings): void {
  const { status, capturedMinor, refundedMinor, heldMinor } = order;
  if (heldMinor !== 0n) {
    found.add("unsettled", `${heldMinor} are held for refunds`);
  }
  if (status === "CONFIRMED" && capturedMinor !== order.amountMinor) {
    found.add(
      "wrong",
      `CONFIRMED with ${capturedMinor} of ${order.amountMinor} captured`,
    );
  }
  if (status !== "CANCELED" && status !== "REFUNDED") return;
  if (capturedMinor !== refundedMinor) {
    found.add(
      "wrong",
      `${status} with ${capturedMinor} captured and ${refundedMinor} refunded`,
    );
  }
  if (order.reservationId !== null) {
    found.add("wrong", `${status} with the reservation ${order.reservationId}`);
  }
}

function sum(effects: readonly EffectFact[]): bigint {
  return effects.reduce(
    (total, { amountMinor }) => total + (amountMinor ?? 0n),
    0n,
  );
}

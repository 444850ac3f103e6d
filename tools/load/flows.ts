/**
 * What one simulated customer does with one order.
 *
 * A flow ends quietly when a call of it is refused or given up: the statistics
 * and the record have it.
 */
import { systemClock } from "@oms/lifecycle";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import type { Caller } from "./caller.ts";
import { between, oneOf, type Random } from "./random.ts";

export const MODES = [
  "create",
  "create-pay",
  "create-pay-cancel",
  "create-pay-refund",
  "mixed",
] as const;
export type Mode = typeof MODES[number];

export interface FlowOptions {
  readonly mode: Mode;
  readonly random: Random;
  /** Share of acknowledged intents that are sent once more with their key. */
  readonly replayShare: number;
  /** Share of payments that two clients ask for at the same moment. */
  readonly doublePayShare: number;
  /** For an order to be confirmed before it is refunded, in ms. */
  readonly confirmWithinMs: number;
  readonly signal: AbortSignal;
}

/** Longest pause between payment and cancel: the time of a pay saga, so that every point of it is hit. */
const CANCEL_WITHIN_MS = 60;
const FIRST_POLL_MS = 20;
const LONGEST_POLL_MS = 320;

const MIX: readonly [Mode, ...Mode[]] = [
  "create",
  "create-pay",
  "create-pay",
  "create-pay",
  "create-pay-cancel",
  "create-pay-cancel",
  "create-pay-refund",
  "create-pay-refund",
];

/** @param since when the flow was due, in `performance.now()` ms */
export async function runFlow(
  caller: Caller,
  options: FlowOptions,
  since: number,
): Promise<void> {
  const { random, signal } = options;
  const mode = options.mode === "mixed" ? oneOf(random, MIX) : options.mode;
  const order = newOrder(random);
  const id = await caller.create(order.request, since);
  if (id === null || mode === "create") return;

  const replay = () => random() < options.replayShare;
  const pays = random() < options.doublePayShare ? 2 : 1;
  const paid = await Promise.all(
    Array.from({ length: pays }, () => caller.pay(id, replay())),
  );
  if (paid.every((each) => each === null) || mode === "create-pay") return;

  if (mode === "create-pay-cancel") {
    await systemClock.sleep(between(random, 0, CANCEL_WITHIN_MS), signal);
    await caller.cancel(id, replay());
    return;
  }
  if (!await confirmed(caller, id, options)) return;
  const amounts = refunds(random, order.totalMinor);
  await Promise.all(
    amounts.map((amountMinor) =>
      caller.refund(
        id,
        amountMinor === null
          ? null
          : { currency: order.request.currency, amountMinor },
        replay(),
      )
    ),
  );
}

function newOrder(random: Random) {
  const currency = oneOf(random, ["EUR", "USD", "JPY"]);
  const items = Array.from({ length: between(random, 1, 3) }, () => ({
    sku: `sku-${between(random, 1, 50)}`,
    qty: between(random, 1, 5),
    price: { currency, amountMinor: BigInt(between(random, 100, 5_000)) },
  }));
  return {
    request: {
      customerId: `load-${between(random, 1, 100)}`,
      currency,
      items,
    },
    totalMinor: items.reduce(
      (sum, { qty, price }) => sum + BigInt(qty) * price.amountMinor,
      0n,
    ),
  };
}

/** All, a part, or two parts at the same moment; null means "what is left". */
function refunds(random: Random, total: bigint): (bigint | null)[] {
  const part = BigInt(between(random, 1, Number(total) - 1));
  return oneOf<(bigint | null)[]>(random, [
    [null],
    [total],
    [part],
    [part, total - part],
  ]);
}

/** False when the order ended otherwise, or the time is over. */
async function confirmed(
  caller: Caller,
  id: string,
  { confirmWithinMs, signal }: FlowOptions,
): Promise<boolean> {
  const end = performance.now() + confirmWithinMs;
  for (let pause = FIRST_POLL_MS; performance.now() < end;) {
    await systemClock.sleep(pause, signal);
    pause = Math.min(pause * 2, LONGEST_POLL_MS);
    const status = (await caller.get(id))?.order?.status;
    if (status === OrderStatus.ORDER_STATUS_CONFIRMED) return true;
    if (status === OrderStatus.ORDER_STATUS_CANCELED) return false;
  }
  return false;
}

/** The clients of a history: each order's creator, and then those who pay, cancel and refund it. */
import { isOrderId, type OrderId } from "../../../src/orders/ids.ts";
import type { Order, OrderStatus } from "../../../src/orders/order.ts";
import type { MemoryState } from "../../../src/storage/memory.ts";
import type { Intent } from "../ledger/facts.ts";
import type { Acknowledged } from "../saga_verdict.ts";
import { type ClientIntent, type ClientWorld, SimClient } from "./client.ts";
import { createdId, CURRENCY, CUSTOMER } from "./facts.ts";
import { ORDER_MINOR, type PlannedCall } from "./plan.ts";

export class Callers {
  readonly acknowledged: Acknowledged[] = [];
  readonly #world: ClientWorld;
  readonly #state: MemoryState;
  readonly #clients: SimClient[] = [];
  /** Calls that begin when their order becomes something. */
  #awaited: { id: OrderId; status: OrderStatus; begin: () => void }[] = [];

  constructor(world: ClientWorld, state: MemoryState) {
    this.#world = world;
    this.#state = state;
  }

  /** Nobody who has begun waits for an answer. */
  get settled(): boolean {
    return this.#clients.every((client) => client.settled);
  }

  get facts(): Intent[] {
    return this.#clients.map((client) => client.fact);
  }

  /** The `n`th order, and what is planned for it once it is there. */
  create(n: number, calls: readonly PlannedCall[]): void {
    const items = [{ sku: "sku", qty: 1, priceMinor: ORDER_MINOR }];
    const input = { customerId: CUSTOMER, currency: CURRENCY, items };
    const key = `order-${n}`;
    this.#begin({
      asked: {
        key,
        method: "create",
        orderId: null,
        amountMinor: ORDER_MINOR,
        reason: "",
        at: 0,
      },
      call: ({ engine }, mutation) => engine.commands.create(input, mutation),
      answered: (answer) => {
        const id = createdId(answer);
        if (!isOrderId(id)) throw new Error(`A create was answered with ${id}`);
        for (const [i, call] of calls.entries()) {
          this.#await(id, call, () => this.#act(`${key}:call-${i}`, id, call));
        }
      },
    });
  }

  /** An order was written. */
  became(order: Order | undefined): void {
    if (order === undefined || this.#awaited.length === 0) return;
    const due = this.#awaited.filter(({ id, status }) =>
      id === order.id && status === order.status
    );
    this.#awaited = this.#awaited.filter((call) => !due.includes(call));
    for (const { begin } of due) begin();
  }

  #await(id: OrderId, { when }: PlannedCall, begin: () => void): void {
    const status = this.#state.orders.get(id)?.status;
    if (when === null || when === status) begin();
    else this.#awaited.push({ id, status: when, begin });
  }

  #act(key: string, orderId: OrderId, planned: PlannedCall): void {
    const { kind, amountMinor } = planned;
    const amount = amountMinor === null
      ? null
      : { currency: CURRENCY, amountMinor };
    const reason = kind === "pay" ? "" : key;
    this.#begin({
      asked: { key, method: kind, orderId, amountMinor, reason, at: 0 },
      answered: ({ code }) => {
        if (code !== 0) return;
        this.acknowledged.push({ kind, orderId, key, amountMinor });
      },
      call: ({ engine: { commands } }, mutation) => {
        switch (kind) {
          case "pay":
            return commands.pay(orderId, mutation);
          case "cancel":
            return commands.cancel(orderId, reason, mutation);
          case "refund":
            return commands.refund({ orderId, amount, reason }, mutation);
        }
      },
    }, planned);
  }

  #begin(
    intent: ClientIntent,
    late: Pick<PlannedCall, "afterMs" | "hops"> = { afterMs: 0, hops: 0 },
  ): void {
    const { scheduler } = this.#world;
    const { world } = scheduler;
    const { key } = intent.asked;
    const client = new SimClient(this.#world, intent);
    this.#clients.push(client);
    const hop = (left: number): void => {
      if (left === 0) return client.begin();
      scheduler.send(world, "client", `${key} hops`, () => hop(left - 1));
    };
    scheduler.after(world, late.afterMs, `${key} begins`, () => hop(late.hops));
  }
}

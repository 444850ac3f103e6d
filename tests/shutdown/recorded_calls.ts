/**
 * Calls of clients, kept as the intents that the ledger judges.
 *
 * Invariant: a call that repeats a key belongs to that key's intent.
 */
import { status } from "@grpc/grpc-js";
import type { OrderClient } from "../../src/grpc/client.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import type { Intent } from "../support/ledger/facts.ts";
import { orderRequest } from "../support/order_request.ts";

/** What a mutating call came to: an answer, or a status code. */
export type Outcome =
  | {
    readonly ok: true;
    readonly orderId: string;
    readonly status: OrderStatus;
  }
  | { readonly ok: false; readonly code: status };

type Asked = Pick<Intent, "method"> & Partial<Intent>;

export class RecordedCalls {
  readonly #intents = new Map<string, Intent>();
  #keys = 0;

  get intents(): Intent[] {
    return [...this.#intents.values()];
  }

  newKey(): string {
    return `key-${++this.#keys}`;
  }

  create(client: OrderClient, key = this.newKey()): Promise<Outcome> {
    const asked: Asked = {
      method: "create",
      customerId: "customer-1",
      currency: "EUR",
      amountMinor: 2_100n,
    };
    return this.#call(key, asked, async () => {
      const { order } = await client.createOrder(orderRequest(), {
        idempotencyKey: key,
      });
      if (order === undefined) throw new Error("create answers no order");
      return { orderId: order.id, status: order.status };
    });
  }

  /** An order, created. @throws Error when the service does not create it */
  async order(client: OrderClient): Promise<string> {
    const outcome = await this.create(client);
    if (outcome.ok) return outcome.orderId;
    throw new Error(`The order was not created: ${status[outcome.code]}`);
  }

  pay(
    client: OrderClient,
    orderId: string,
    key = this.newKey(),
  ): Promise<Outcome> {
    return this.#call(
      key,
      { method: "pay", orderId },
      () => client.payOrder({ orderId }, { idempotencyKey: key }),
    );
  }

  cancel(
    client: OrderClient,
    orderId: string,
    key = this.newKey(),
  ): Promise<Outcome> {
    const reason = "changed my mind";
    return this.#call(
      key,
      { method: "cancel", orderId, reason },
      () => client.cancelOrder({ orderId, reason }, { idempotencyKey: key }),
    );
  }

  /** @param amountMinor null: all that is left */
  refund(
    client: OrderClient,
    orderId: string,
    key = this.newKey(),
    amountMinor: bigint | null = null,
  ): Promise<Outcome> {
    const reason = "broken";
    const amount = amountMinor === null
      ? undefined
      : { currency: "EUR", amountMinor };
    return this.#call(
      key,
      { method: "refund", orderId, reason, amountMinor },
      () =>
        client.refundOrder({ orderId, amount, reason }, {
          idempotencyKey: key,
        }),
    );
  }

  async #call(
    key: string,
    asked: Asked,
    send: () => Promise<{ orderId: string; status: OrderStatus }>,
  ): Promise<Outcome> {
    const before = this.#intents.get(key) ?? begun(key, asked);
    this.#intents.set(key, before);
    try {
      const answer = await send();
      this.#intents.set(key, answered(before, answer));
      return { ok: true, ...answer };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const { code } = error;
      const now = this.#intents.get(key) ?? before;
      this.#intents.set(key, { ...now, codes: [...now.codes, status[code]] });
      return { ok: false, code };
    }
  }
}

function begun(key: string, asked: Asked): Intent {
  return {
    key,
    orderId: null,
    customerId: null,
    currency: null,
    amountMinor: null,
    reason: "",
    at: Date.now(),
    outcome: { kind: "unanswered" },
    codes: [],
    endedAt: null,
    replays: [],
    ...asked,
  };
}

function answered(
  intent: Intent,
  answer: { orderId: string; status: OrderStatus },
): Intent {
  const at = Date.now();
  const { orderId } = answer;
  const status = OrderStatus[answer.status];
  if (intent.outcome.kind === "acknowledged") {
    const replay = { orderId, status, at };
    return { ...intent, replays: [...intent.replays, replay] };
  }
  return {
    ...intent,
    outcome: { kind: "acknowledged", orderId, status },
    codes: [...intent.codes, "OK"],
    endedAt: at,
  };
}

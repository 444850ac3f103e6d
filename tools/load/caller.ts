/**
 * One client that knows what it asked for: records the intent, repeats it with
 * its key while the outcome is unknown, records what it was promised.
 *
 * Invariants: an intent is recorded once, before its first attempt; every
 * attempt of it has the same key and the same request; it is acknowledged only
 * by an OK answer. A code that the service keeps for the key is final; any
 * other leaves the outcome open.
 * Not promised: an outcome. When retries are used up or the run is aborted the
 * intent stays open, and the ledger allows both.
 */
import { systemClock } from "@oms/lifecycle";
import { v7 } from "uuid";
import type { CallOptions, OrderClient } from "../../src/grpc/client.ts";
import { RpcError } from "../../src/grpc/errors.ts";
import type {
  CreateOrderRequest,
  GetOrderResponse,
  OrderStatus,
} from "../../src/grpc/gen/oms/v1/order_service.ts";
import { codeName, statusName } from "../client/output.ts";
import type { IntentLine, IntentRecorder } from "./intents.ts";
import { between, type Random } from "./random.ts";
import type { LoadStats, Method } from "./stats.ts";
import type { Target } from "./target.ts";

/** Answers about the request itself: sending it again changes nothing. */
const FINAL = new Set([
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "FAILED_PRECONDITION",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
  "UNIMPLEMENTED",
]);
const RETRY_BASE_MS = 20;
const RETRY_MAX_MS = 400;

export interface CallerOptions {
  readonly target: Target;
  readonly recorder: IntentRecorder;
  readonly stats: LoadStats;
  /** For one attempt, in ms. */
  readonly deadlineMs: number;
  /** Further attempts of one intent; 0: none. */
  readonly retries: number;
  readonly random: Random;
  /** Aborts all calls. */
  readonly signal: AbortSignal;
}

interface Promised {
  readonly orderId: string;
  readonly status: OrderStatus;
}

type Send = (client: OrderClient, options: CallOptions) => Promise<Promised>;

/** What was asked for, without the fields that the caller adds. */
type Asked = Omit<IntentLine, "type" | "key" | "at">;

export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** @param since when the call was due, in `performance.now()` ms @returns the order's id; null when it was not acknowledged */
  create(request: CreateOrderRequest, since?: number): Promise<string | null> {
    const total = request.items.reduce(
      (sum, { qty, price }) => sum + BigInt(qty) * (price?.amountMinor ?? 0n),
      0n,
    );
    return this.#intend(
      {
        method: "create",
        customer_id: request.customerId,
        currency: request.currency,
        amount_minor: total.toString(),
      },
      async (client, options) => {
        const { order } = await client.createOrder(request, options);
        if (order === undefined) throw new Error("An answer without an order");
        return { orderId: order.id, status: order.status };
      },
      since,
    );
  }

  pay(orderId: string, replay = false): Promise<string | null> {
    return this.#intend(
      { method: "pay", order_id: orderId },
      (client, options) => client.payOrder({ orderId }, options),
      undefined,
      replay,
    );
  }

  cancel(orderId: string, replay = false): Promise<string | null> {
    const reason = `load ${v7()}`;
    return this.#intend(
      { method: "cancel", order_id: orderId, reason },
      (client, options) => client.cancelOrder({ orderId, reason }, options),
      undefined,
      replay,
    );
  }

  /** @param amount null: all that is left */
  refund(
    orderId: string,
    amount: { readonly currency: string; readonly amountMinor: bigint } | null,
    replay = false,
  ): Promise<string | null> {
    const reason = `load ${v7()}`;
    return this.#intend(
      {
        method: "refund",
        order_id: orderId,
        reason,
        ...(amount === null ? {} : {
          amount_minor: amount.amountMinor.toString(),
          currency: amount.currency,
        }),
      },
      (client, options) =>
        client.refundOrder(
          { orderId, reason, amount: amount ?? undefined },
          options,
        ),
      undefined,
      replay,
    );
  }

  /** Null when it was not answered OK. */
  async get(orderId: string): Promise<GetOrderResponse | null> {
    const { target, deadlineMs, signal, stats } = this.#options;
    const started = performance.now();
    const answered = (code: string) => {
      stats.attempt("get", code);
      stats.ended("get", code, performance.now() - started);
    };
    try {
      const answer = await target.use((client) =>
        client.getOrder({ orderId }, { deadlineMs, signal })
      );
      answered("OK");
      return answer;
    } catch (error) {
      // Our own abort is no answer.
      if (!signal.aborted) answered(codeOf(error));
      return null;
    }
  }

  async #intend(
    asked: Asked,
    send: Send,
    since = performance.now(),
    replay = false,
  ): Promise<string | null> {
    const { recorder, stats, retries, signal } = this.#options;
    const key = v7();
    recorder.record({ type: "intent", key, ...asked });
    const codes: string[] = [];
    for (;;) {
      const answer = await this.#attempt(asked.method, key, send);
      codes.push(answer.code);
      if (answer.promised !== null) {
        const { orderId, status } = answer.promised;
        const promised = { order_id: orderId, status: statusName(status) };
        recorder.record({ type: "ack", key, ...promised, codes });
        stats.ended(asked.method, "OK", performance.now() - since);
        if (replay) await this.#replay(asked.method, key, send);
        return orderId;
      }
      const final = FINAL.has(answer.code);
      if (final || codes.length > retries) {
        stats.ended(asked.method, answer.code, performance.now() - since);
        const type = final ? "refused" : "gave_up";
        recorder.record({ type, key, reason: answer.reason, codes });
        return null;
      }
      await this.#pause(codes.length, answer.retryAfterMs);
      signal.throwIfAborted();
    }
  }

  /** Once more with the same key: the ledger compares the answers. No retries. */
  async #replay(method: Method, key: string, send: Send): Promise<void> {
    const { promised } = await this.#attempt(method, key, send);
    if (promised === null) return;
    this.#options.recorder.record({
      type: "replay",
      key,
      order_id: promised.orderId,
      status: statusName(promised.status),
    });
  }

  /** @throws the signal's reason when the run is aborted */
  async #attempt(method: Method, idempotencyKey: string, send: Send) {
    const { target, deadlineMs, signal, stats } = this.#options;
    try {
      const promised = await target.use((client) =>
        send(client, { idempotencyKey, deadlineMs, signal })
      );
      stats.attempt(method, "OK");
      return { promised, code: "OK", reason: "", retryAfterMs: 0 };
    } catch (error) {
      signal.throwIfAborted();
      const code = codeOf(error);
      stats.attempt(method, code);
      const rpc = error instanceof RpcError ? error : null;
      return {
        promised: null,
        code,
        reason: rpc?.reason ?? String(error),
        retryAfterMs: typeof rpc?.retryAfterMs === "number"
          ? rpc.retryAfterMs
          : 0,
      };
    }
  }

  /** Full jitter; what the service asks for is honoured within the same bound. */
  #pause(failures: number, retryAfterMs: number): Promise<void> {
    const { random, signal } = this.#options;
    const ceiling = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** failures);
    const asked = Math.min(retryAfterMs, RETRY_MAX_MS / 2);
    const ms = Math.max(asked, between(random, 1, ceiling));
    return systemClock.sleep(ms, signal);
  }
}

function codeOf(error: unknown): string {
  return error instanceof RpcError ? codeName(error.code) : "CLIENT";
}

/**
 * Calls an adapter as the service would, and shows what the service would make of the answer.
 *
 * Invariant: an answer that the service would ask for again is asked for again, with the same key and bytes, a few
 * times. Not promised: the service's patience.
 */
import { systemClock } from "@oms/lifecycle";
import type { ExternalStep } from "../../../src/orders/saga.ts";
import { OPERATIONS } from "../../../src/providers/http.ts";
import {
  type Exchanged,
  type HttpAccess,
  HttpExchange,
} from "../../../src/providers/http_exchange.ts";
import { interpret } from "../../../src/providers/interpret.ts";
import type { ProviderResult } from "../../../src/providers/provider.ts";

const TRIES = 6;
const LONGEST_PAUSE_MS = 2_000;

/** One answer, or why there was none. */
export interface Answer {
  readonly result: ProviderResult;
  /** Null: no answer came. */
  readonly exchanged: Exchanged | null;
}

export interface Asked {
  readonly step: ExternalStep;
  readonly key: string;
  readonly body: string;
}

export class Player implements Disposable {
  readonly #exchange: HttpExchange;
  readonly #timeoutMs: number;
  readonly #pauseMs: number;

  /**
   * @param timeoutMs for each answer
   * @param pauseMs before the second try; twice as much before each further one
   */
  constructor(access: HttpAccess, timeoutMs: number, pauseMs = 200) {
    this.#exchange = new HttpExchange(access, 16);
    this.#timeoutMs = timeoutMs;
    this.#pauseMs = pauseMs;
  }

  /** Once. */
  async ask({ step, key, body }: Asked): Promise<Answer> {
    const { path, rules } = OPERATIONS[step];
    const call = {
      idempotencyKey: key,
      body,
      correlationId: "providers-check",
      traceparent: null,
    };
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      const exchanged = await this.#exchange.post(path, call, signal);
      const { result } = interpret(exchanged, rules, Date.now());
      return { result, exchanged };
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { result: { kind: "unknown", cause }, exchanged: null };
    }
  }

  /** Until the answer is known, or patience ends. */
  async settle(asked: Asked): Promise<Answer> {
    let answer = await this.ask(asked);
    for (let again = 1; again < TRIES; again++) {
      if (answer.result.kind !== "unknown") break;
      const pause = answer.result.retryAfterMs ??
        this.#pauseMs * 2 ** (again - 1);
      await systemClock.sleep(Math.min(pause, LONGEST_PAUSE_MS));
      answer = await this.ask(asked);
    }
    return answer;
  }

  [Symbol.dispose](): void {
    this.#exchange.close();
  }
}

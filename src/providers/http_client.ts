/**
 * One provider over HTTP: limits, circuit, one attempt a call.
 *
 * Invariants: the body goes out exactly as given; an attempt that may have reached the provider and has no
 * readable answer is `unknown`; a call rejects only with its signal's reason, and an answer that was read before
 * the abort is still returned.
 * Not promised: repeats. The saga repeats, with the same key and body.
 */
import type { ExternalStep } from "../orders/saga.ts";
import { type Attempt, Breaker, type BreakerSettings } from "./breaker.ts";
import { ConcurrencyLimit } from "./concurrency_limit.ts";
import { type HttpAccess, HttpExchange } from "./http_exchange.ts";
import { type AnswerRules, interpret } from "./interpret.ts";
import type {
  ProviderCall,
  ProviderName,
  ProviderObserver,
  ProviderResult,
} from "./provider.ts";
import { cleanText } from "./provider_text.ts";

export interface HttpClientOptions {
  readonly name: ProviderName;
  readonly access: HttpAccess;
  /** Per attempt, from sending to the end of the body; ms (`OMS_PROVIDER_TIMEOUT`). */
  readonly timeoutMs: number;
  /** Calls under way (`OMS_PROVIDER_CONCURRENCY`). */
  readonly concurrency: number;
  readonly breaker: BreakerSettings;
  readonly observer: ProviderObserver;
}

export interface HttpOperation {
  readonly step: ExternalStep;
  readonly path: string;
  readonly rules: AnswerRules;
}

/** Aborts an attempt that took too long; never leaves this module. */
class AttemptTimeoutError extends Error {
  override readonly name = "TimeoutError";
}

export class HttpProviderClient {
  readonly #options: HttpClientOptions;
  readonly #exchange: HttpExchange;
  readonly #limit: ConcurrencyLimit;
  readonly #breaker: Breaker;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#exchange = new HttpExchange(options.access, options.concurrency);
    this.#limit = new ConcurrencyLimit(options.concurrency);
    this.#breaker = new Breaker(
      options.name,
      options.breaker,
      (state) => options.observer.circuit(options.name, state),
    );
    options.observer.circuit(options.name, "closed");
  }

  /** @throws the call's signal's reason, and nothing else */
  async call(
    operation: HttpOperation,
    call: ProviderCall,
  ): Promise<ProviderResult> {
    const started = performance.now();
    const report = (outcome: ProviderResult["kind"] | "aborted") =>
      this.#options.observer.request(
        this.#options.name,
        operation.step,
        outcome,
        (performance.now() - started) / 1000,
      );
    try {
      const result = await this.#limit.run(
        call.signal,
        () => this.#breaker.run(() => this.#attempt(operation, call)),
      );
      report(result.kind);
      return result;
    } catch (error) {
      report("aborted");
      throw error;
    }
  }

  /** Closes idle connections and timers; calls under way are to be aborted before. */
  close(): void {
    this.#breaker.close();
    this.#exchange.close();
  }

  async #attempt(
    operation: HttpOperation,
    call: ProviderCall,
  ): Promise<Attempt> {
    call.signal.throwIfAborted();
    const cut = new AbortController();
    const onAbort = () => cut.abort(call.signal.reason);
    call.signal.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(
      () => cut.abort(new AttemptTimeoutError()),
      this.#options.timeoutMs,
    );
    try {
      const answer = await this.#exchange.post(
        operation.path,
        call,
        cut.signal,
      );
      return interpret(answer, operation.rules, Date.now());
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      return {
        result: { kind: "unknown", cause: this.#failure(error, cut.signal) },
        healthy: false,
      };
    } finally {
      clearTimeout(timer);
      call.signal.removeEventListener("abort", onAbort);
    }
  }

  #failure(error: unknown, signal: AbortSignal): string {
    if (signal.reason instanceof AttemptTimeoutError) {
      return `no answer within ${this.#options.timeoutMs} ms`;
    }
    const reason = error instanceof Error ? error.message : String(error);
    return `exchange broken: ${cleanText(reason)}`;
  }
}

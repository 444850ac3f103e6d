/**
 * One provider over HTTP: limits, circuit, one attempt a call.
 *
 * Invariants: the body goes out exactly as given; an attempt that may have reached the provider and has no
 * readable answer is `unknown`; a call rejects only with its signal's reason, and an answer that was read before
 * the abort is still returned. No redirect is followed: fetch would repeat a POST as a GET and call it a success,
 * and what says who we are would go to another origin.
 * Not promised: repeats. The saga repeats, with the same key and body.
 */
import type { ExternalStep } from "../orders/saga.ts";
import { type Attempt, Breaker, type BreakerSettings } from "./breaker.ts";
import { ConcurrencyLimit } from "./concurrency_limit.ts";
import { type AnswerRules, type HttpAnswer, interpret } from "./interpret.ts";
import type {
  ProviderCall,
  ProviderName,
  ProviderObserver,
  ProviderResult,
} from "./provider.ts";
import { cleanText } from "./provider_text.ts";

/** An answer is a few dozen bytes; more than this is not one. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Where a provider is, and who we are there. */
export interface HttpAccess {
  /** Paths are appended to it; a trailing slash is ignored. */
  readonly baseUrl: string;
  /** Sent with each request, to nobody else, and never told. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** PEM: `ca` is trusted beside the runtime's own, `cert` and `key` are our certificate. */
  readonly tls: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

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
  readonly #baseUrl: string;
  readonly #limit: ConcurrencyLimit;
  readonly #breaker: Breaker;
  readonly #sockets: Deno.HttpClient;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    const { baseUrl, tls } = options.access;
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#limit = new ConcurrencyLimit(options.concurrency);
    this.#breaker = new Breaker(
      options.name,
      options.breaker,
      (state) => options.observer.circuit(options.name, state),
    );
    options.observer.circuit(options.name, "closed");
    this.#sockets = Deno.createHttpClient({
      poolMaxIdlePerHost: options.concurrency,
      ...tls.ca === undefined ? {} : { caCerts: [tls.ca] },
      ...tls.cert === undefined || tls.key === undefined
        ? {}
        : { cert: tls.cert, key: tls.key },
    });
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
    this.#sockets.close();
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
      const answer = await this.#exchange(operation, call, cut.signal);
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

  async #exchange(
    operation: HttpOperation,
    call: ProviderCall,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const response = await fetch(`${this.#baseUrl}${operation.path}`, {
      method: "POST",
      redirect: "manual",
      headers: requestHeaders(call, this.#options.access.headers),
      body: call.body,
      signal,
      client: this.#sockets,
    });
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      body: await readLimited(response),
    };
  }

  #failure(error: unknown, signal: AbortSignal): string {
    if (signal.reason instanceof AttemptTimeoutError) {
      return `no answer within ${this.#options.timeoutMs} ms`;
    }
    const reason = error instanceof Error ? error.message : String(error);
    return `exchange broken: ${cleanText(reason)}`;
  }
}

function requestHeaders(
  call: ProviderCall,
  more: HttpAccess["headers"],
): Headers {
  const headers = new Headers({
    ...Object.fromEntries(more),
    "content-type": "application/json",
    "accept": "application/json",
    "idempotency-key": call.idempotencyKey,
    "x-correlation-id": headerSafe(call.correlationId),
  });
  if (call.traceparent !== null) {
    headers.set("traceparent", headerSafe(call.traceparent));
  }
  return headers;
}

/** A value from a caller's metadata must not make the request impossible to send. */
function headerSafe(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, "?");
}

/** The body as text, or why it is none; what is beyond MAX_ANSWER_BYTES stays unread. */
async function readLimited(response: Response): Promise<HttpAnswer["body"]> {
  if (response.body === null) return "";
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) return { unread: "too long" };
    chunks.push(chunk);
  }
  const whole = await new Blob(chunks).arrayBuffer();
  try {
    // Read leniently, bytes that are no UTF-8 would be other characters, and an id another id.
    return new TextDecoder("utf-8", { fatal: true }).decode(whole);
  } catch {
    return { unread: "not UTF-8" };
  }
}

/**
 * One request of the provider API and its answer as it came.
 *
 * Invariants: the body goes out exactly as given. No redirect is followed: fetch would repeat a POST as a GET and
 * call it a success, and what says who we are would go to another origin.
 * Not promised: a verdict; interpret.ts gives it.
 */
import type { HttpAnswer } from "./interpret.ts";
import type { ProviderCall } from "./provider.ts";

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

/** What of a call goes over the wire. */
export type WireCall = Pick<
  ProviderCall,
  "idempotencyKey" | "body" | "correlationId" | "traceparent"
>;

export interface Exchanged extends HttpAnswer {
  readonly contentType: string | null;
}

export class HttpExchange {
  readonly #access: HttpAccess;
  readonly #baseUrl: string;
  readonly #sockets: Deno.HttpClient;

  constructor(access: HttpAccess, concurrency: number) {
    const { baseUrl, tls } = access;
    this.#access = access;
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#sockets = Deno.createHttpClient({
      poolMaxIdlePerHost: concurrency,
      ...tls.ca === undefined ? {} : { caCerts: [tls.ca] },
      ...tls.cert === undefined || tls.key === undefined
        ? {}
        : { cert: tls.cert, key: tls.key },
    });
  }

  /** @throws what fetch throws: nobody there, a connection that breaks, the signal's reason */
  async post(
    path: string,
    call: WireCall,
    signal: AbortSignal,
  ): Promise<Exchanged> {
    const response = await fetch(`${this.#baseUrl}${path}`, {
      method: "POST",
      redirect: "manual",
      headers: requestHeaders(call, this.#access.headers),
      body: call.body,
      signal,
      client: this.#sockets,
    });
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      contentType: response.headers.get("content-type"),
      body: await readLimited(response),
    };
  }

  /** Closes idle connections; what is under way is to be aborted before. */
  close(): void {
    this.#sockets.close();
  }
}

function requestHeaders(
  call: WireCall,
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

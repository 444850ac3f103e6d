/**
 * Payment and inventory over HTTP, on one port, with a durable ledger: the other side of docs/providers.md.
 *
 * Invariants: a key is answered once, for as long as it is kept; a second call while the first is worked on gets 409;
 * the same key with another body gets 400 and has no effect; an effect is in the ledger before its answer leaves; only
 * what is reserved is released.
 * Not promised: sense in money. It refunds what was never charged: the ledger's reader is the judge.
 */
import { chance } from "../../src/providers/chance.ts";
import { DECLINES, ID_PREFIX, ROUTES } from "./contract.ts";
import { cutAnswer, hang, pause } from "./endings.ts";
import {
  DEFAULT_KNOBS,
  type Knobs,
  knobsSchema,
  type UnknownMode,
} from "./knobs.ts";
import { Ledger, type LedgerEntry, type Operation } from "./ledger.ts";
import { parseRequest, type ProviderRequest } from "./request.ts";

export interface ProviderServerOptions {
  readonly ledgerPath: string;
  /** Default 127.0.0.1. */
  readonly hostname?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  readonly knobs?: Partial<Knobs>;
}

export interface ProviderStats {
  /** Calls by operation, refused ones included. */
  readonly calls: Readonly<Record<Operation, number>>;
  /** Answers by HTTP status; `none` for hung and cut ones. */
  readonly answers: Readonly<Record<string, number>>;
  /** Calls answered from the ledger. */
  readonly replays: number;
  /** Calls whose key was used with another body. */
  readonly key_conflicts: number;
  readonly in_flight: number;
  readonly max_in_flight: number;
  readonly effects: number;
}

export class ProviderServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ledger: Ledger;
  readonly #stop = new AbortController();
  readonly #busy = new Set<string>();
  readonly #attempts = new Map<string, number>();
  readonly #calls = { charge: 0, refund: 0, reserve: 0, release: 0 };
  readonly #answers: Record<string, number> = {};
  #replays = 0;
  #keyConflicts = 0;
  #inFlight = 0;
  #maxInFlight = 0;
  #knobs: Knobs;

  constructor(ledger: Ledger, knobs: Knobs, options: ProviderServerOptions) {
    this.#ledger = ledger;
    this.#knobs = knobs;
    this.#server = Deno.serve({
      hostname: options.hostname ?? "127.0.0.1",
      port: options.port ?? 0,
      onListen: () => {},
      onError: (error) =>
        Response.json({ error: String(error) }, { status: 500 }),
    }, (request) => this.#route(request));
  }

  get url(): string {
    const { hostname, port } = this.#server.addr;
    return `http://${hostname}:${port}`;
  }

  get ledger(): readonly LedgerEntry[] {
    return this.#ledger.entries;
  }

  get stats(): ProviderStats {
    return {
      calls: { ...this.#calls },
      answers: { ...this.#answers },
      replays: this.#replays,
      key_conflicts: this.#keyConflicts,
      in_flight: this.#inFlight,
      max_in_flight: this.#maxInFlight,
      effects: this.#ledger.entries.length,
    };
  }

  /** @throws ZodError for an unknown knob or a value out of its range; nothing is changed then */
  setKnobs(change: unknown): Knobs {
    const partial = knobsSchema.partial().parse(change);
    this.#knobs = { ...this.#knobs, ...partial };
    return this.#knobs;
  }

  /** Cuts hanging calls, answers the others, closes the ledger. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the provider stops"));
    await this.#server.shutdown();
    await this.#ledger[Symbol.asyncDispose]();
  }

  async #route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "GET" && pathname === "/_ledger") {
      return Response.json(this.#ledger.entries);
    }
    if (request.method === "GET" && pathname === "/_stats") {
      return Response.json(this.stats);
    }
    if (pathname === "/_knobs") return await this.#knobsEndpoint(request);
    const operation = ROUTES[pathname];
    if (operation === undefined || request.method !== "POST") {
      await request.body?.cancel();
      return Response.json({ error: "no such call" }, { status: 404 });
    }
    this.#calls[operation] += 1;
    this.#inFlight += 1;
    this.#maxInFlight = Math.max(this.#maxInFlight, this.#inFlight);
    try {
      return await this.#serve(operation, request);
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #knobsEndpoint(request: Request): Promise<Response> {
    if (request.method !== "POST") return Response.json(this.#knobs);
    try {
      return Response.json(this.setKnobs(await request.json()));
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 400 });
    }
  }

  async #serve(operation: Operation, request: Request): Promise<Response> {
    const key = request.headers.get("idempotency-key") ?? "";
    const parsed = parseRequest(operation, key, await request.text());
    if (typeof parsed === "string") return this.#reply(400, { error: parsed });
    const known = this.#kept(key);
    if (known !== undefined && known.request !== parsed.body) {
      this.#keyConflicts += 1;
      return this.#reply(400, { error: "key was used with another body" });
    }
    if (this.#busy.has(key)) {
      return this.#reply(409, { error: "the first call still runs" });
    }
    this.#busy.add(key);
    try {
      return await this.#work(operation, parsed, request.signal);
    } finally {
      this.#busy.delete(key);
    }
  }

  async #work(
    operation: Operation,
    call: ProviderRequest,
    client: AbortSignal,
  ): Promise<Response> {
    const attempt = (this.#attempts.get(call.key) ?? 0) + 1;
    this.#attempts.set(call.key, attempt);
    const luck = (what: string) =>
      chance(this.#knobs.seed, what, call.key, String(attempt));
    const { latency_ms, jitter_ms, unknown_rate, unknown_modes } = this.#knobs;
    const mode: UnknownMode | undefined = luck("unknown") < unknown_rate
      ? unknown_modes[Math.floor(luck("mode") * unknown_modes.length)]
      : undefined;
    await pause(latency_ms + jitter_ms * luck("jitter"), [this.#stop.signal]);
    if (mode === "error") return this.#reply(500, { error: "simulated" });
    if (mode === "busy") {
      return this.#reply(429, { error: "simulated" }, { "retry-after": "1" });
    }
    if (mode === "conflict") return this.#reply(409, { error: "simulated" });
    if (mode === "hang") return await this.#hang(client);
    if (this.#releasesNothing(call)) {
      return this.#reply(404, { error: "no such reservation" });
    }
    const entry = await this.#settle(operation, call);
    switch (mode) {
      case "error_after":
        return this.#reply(500, { error: "simulated, after the effect" });
      case "hang_after":
        return await this.#hang(client);
      case "processing_after":
        return this.#reply(200, { id: entry.id, status: "processing" });
      case "close_after":
        this.#count("none");
        return cutAnswer();
      case "garbage_after":
        this.#count("200");
        return new Response("<html>ok</html>", { status: 200 });
      case undefined:
        return this.#answer(entry);
    }
  }

  #releasesNothing({ key, reservationId }: ProviderRequest): boolean {
    return reservationId !== undefined &&
      this.#kept(key) === undefined &&
      !this.#ledger.holds(reservationId);
  }

  /** The key's answer, unless it is forgotten by now. */
  #kept(key: string): LedgerEntry | undefined {
    const entry = this.#ledger.find(key);
    if (entry === undefined) return undefined;
    const ageMs = Date.now() - Date.parse(entry.at);
    return ageMs > this.#knobs.key_retention_ms ? undefined : entry;
  }

  /** The key's one answer: from the ledger, or decided now and written there. */
  async #settle(
    operation: Operation,
    call: ProviderRequest,
  ): Promise<LedgerEntry> {
    const known = this.#kept(call.key);
    if (known !== undefined) {
      this.#replays += 1;
      return known;
    }
    const { seed, decline_rate, decline_operations, double_rate } = this.#knobs;
    const declined = decline_operations.includes(operation) &&
      chance(seed, "decline", call.key) < decline_rate;
    const entry: LedgerEntry = {
      key: call.key,
      operation,
      order_id: call.orderId,
      ...(call.amountMinor === undefined ? {} : {
        amount_minor: call.amountMinor,
        currency: call.currency,
      }),
      ...(call.reservationId === undefined ? {} : {
        reservation_id: call.reservationId,
      }),
      result: declined ? "declined" : "done",
      id: declined ? "" : `${ID_PREFIX[operation]}_${crypto.randomUUID()}`,
      ...(declined ? { reason: DECLINES[operation].reason } : {}),
      at: new Date().toISOString(),
      request: call.body,
    };
    await this.#ledger.append(entry);
    if (!declined && chance(seed, "double", call.key) < double_rate) {
      await this.#ledger.append({
        ...entry,
        id: `${ID_PREFIX[operation]}_${crypto.randomUUID()}`,
      });
      return this.#ledger.find(call.key) ?? entry;
    }
    return entry;
  }

  #answer(entry: LedgerEntry): Response {
    if (entry.result === "done") return this.#reply(201, { id: entry.id });
    const { status } = DECLINES[entry.operation];
    return this.#reply(status, { code: "declined", reason: entry.reason });
  }

  #reply(
    status: number,
    body: unknown,
    headers: Record<string, string> = {},
  ): Response {
    this.#count(String(status));
    return Response.json(body, { status, headers });
  }

  #hang(client: AbortSignal): Promise<Response> {
    this.#count("none");
    return hang(this.#knobs.hang_ms, [client, this.#stop.signal]);
  }

  #count(answer: string): void {
    this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
  }
}

/**
 * Opens the ledger, creating its folder if need be, and serves. Dispose it to stop.
 *
 * @throws ZodError for a knob out of its range, before anything is opened
 */
export async function startProviderServer(
  options: ProviderServerOptions,
): Promise<ProviderServer> {
  const knobs = knobsSchema.parse({ ...DEFAULT_KNOBS, ...options.knobs });
  const ledger = await Ledger.open(options.ledgerPath);
  try {
    return new ProviderServer(ledger, knobs, options);
  } catch (error) {
    await ledger[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The HTTP side: probes and metrics on `Deno.serve`, over connections of our own.
 *
 * Invariants: all four endpoints answer until `stop` is called; `stop` lets running requests end and closes every other
 * connection; `abort` answers them 503, then cuts what is left. A handler that throws answers 500 without details.
 *
 * Not promised: an end of `stop` while a client does not read its answer: the caller bounds it, then aborts.
 */
import { type Clock, type LifecycleState, systemClock } from "@oms/lifecycle";
import type { Logger } from "../telemetry/logger.ts";
import { LAST_ANSWER_MS } from "./connection.ts";
import { HttpListenError } from "./errors.ts";
import type { HealthReport } from "./health.ts";
import {
  type ConnectionObserver,
  type HttpLimits,
  HttpListener,
} from "./listener.ts";
import { serveOnConnection } from "./serve_connection.ts";
import { pathOf } from "./target.ts";

export interface HttpDeps {
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  readonly health: () => Promise<HealthReport>;
  readonly state: () => LifecycleState;
  /** Why a process that is up is not ready all the same; null: it is. */
  readonly unready?: () => string | null;
  readonly log: Logger;
  readonly connections?: ConnectionObserver;
  readonly clock?: Clock;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** Given where the defaults do not fit. */
export type HttpOptions = Partial<HttpLimits>;

const DEFAULT_LIMITS: HttpLimits = {
  maxConnections: 256,
  firstRequestMs: 10_000,
  idleMs: 60_000,
};

export class HttpServer {
  readonly #deps: HttpDeps;
  readonly #clock: Clock;
  readonly #listener: HttpListener;
  /** Answers of requests that run: each gives its own up. */
  readonly #running = new Set<() => void>();

  /** @throws HttpInternalsError */
  constructor(deps: HttpDeps, options: HttpOptions = {}) {
    serveOnConnection();
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#listener = new HttpListener({
      clock: this.#clock,
      limits: { ...DEFAULT_LIMITS, ...options },
      observer: deps.connections ?? { opened: () => {}, closed: () => {} },
      log: deps.log,
      handler: (request) => this.#answer(request),
      onError: (error) => {
        deps.log.error("http request failed", { error });
        return new Response("internal error\n", { status: 500 });
      },
    });
  }

  /** @throws HttpListenError */
  start(host: string, port: number): BoundAddress {
    try {
      const bound = this.#listener.listen(host, port);
      return { host: bound.hostname, port: bound.port };
    } catch (error) {
      throw new HttpListenError(`${host}:${port}`, error);
    }
  }

  /** Stops accepting and waits for the running requests. */
  stop(): Promise<void> {
    return this.#listener.finish();
  }

  /** Cuts whatever is left. */
  async abort(): Promise<void> {
    const finished = this.#listener.finish();
    for (const giveUp of this.#running) giveUp();
    using _cut = this.#clock.after(LAST_ANSWER_MS, () => this.#listener.cut());
    await finished;
  }

  #answer(request: Request): Response | Promise<Response> {
    const path = pathOf(request.url, request.headers.get("host"));
    if (path === null) return new Response("bad host\n", { status: 400 });
    const route = this.#route(path);
    if (route === null) return new Response("not found\n", { status: 404 });
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("method not allowed\n", {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    return this.#run(route);
  }

  async #run(route: () => Response | Promise<Response>): Promise<Response> {
    const { promise: givenUp, resolve } = Promise.withResolvers<Response>();
    const giveUp = () => resolve(new Response("stopping\n", { status: 503 }));
    this.#running.add(giveUp);
    try {
      return await Promise.race([route(), givenUp]);
    } finally {
      this.#running.delete(giveUp);
    }
  }

  #route(path: string): (() => Response | Promise<Response>) | null {
    switch (path) {
      case "/livez":
        return () => new Response("ok");
      case "/readyz":
        return () => {
          const state = this.#deps.state();
          const why = this.#deps.unready?.() ?? undefined;
          const ready = state === "Ready" && why === undefined;
          return Response.json({ state, why }, { status: ready ? 200 : 503 });
        };
      case "/healthz":
        return async () => {
          const report = await this.#deps.health();
          const status = report.status === "unhealthy" ? 503 : 200;
          return Response.json(report, { status });
        };
      case "/metrics":
        return async () =>
          new Response(await this.#deps.metrics(), {
            headers: {
              "content-type": "text/plain; version=0.0.4; charset=utf-8",
            },
          });
      default:
        return null;
    }
  }
}

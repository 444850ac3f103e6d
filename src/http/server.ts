/**
 * The HTTP side: probes and metrics on `Deno.serve`.
 *
 * Invariants: all four endpoints answer until `stop` is called; `stop` lets running requests end; `abort`
 * cuts them, or answers them 503 when `stop` is waiting for them. A handler that throws answers 500 without details.
 *
 * Not promised: an end of `stop` while a client does not read its answer: the caller bounds it, then aborts.
 */
import type { LifecycleState } from "@oms/lifecycle";
import type { Logger } from "../telemetry/logger.ts";
import { HttpListenError } from "./errors.ts";
import type { HealthReport } from "./health.ts";

export interface HttpDeps {
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  readonly health: () => Promise<HealthReport>;
  readonly state: () => LifecycleState;
  readonly log: Logger;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

export class HttpServer {
  readonly #deps: HttpDeps;
  readonly #cut = new AbortController();
  /** Answers of requests that run: each gives its own up. */
  readonly #running = new Set<() => void>();
  #stopping = false;
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;

  constructor(deps: HttpDeps) {
    this.#deps = deps;
  }

  /** @throws HttpListenError */
  start(host: string, port: number): BoundAddress {
    try {
      this.#server = Deno.serve({
        hostname: host,
        port,
        signal: this.#cut.signal,
        onListen: () => {},
        onError: (error) => {
          this.#deps.log.error("http request failed", { error });
          return new Response("internal error\n", { status: 500 });
        },
      }, (request) => this.#answer(request));
    } catch (error) {
      throw new HttpListenError(`${host}:${port}`, error);
    }
    const { hostname, port: bound } = this.#server.addr;
    return { host: hostname, port: bound };
  }

  /** Stops accepting and waits for the running requests. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#server?.shutdown();
  }

  /** Cuts whatever is left. */
  async abort(): Promise<void> {
    // After `shutdown` Deno 2.8.3 has no server any more that the signal could cut: its listener would throw
    // BadResource where nobody can catch it.
    if (this.#stopping) { for (const giveUp of this.#running) giveUp(); }
    else this.#cut.abort();
    await this.#server?.finished;
  }

  #answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    const route = this.#route(pathname);
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
          const status = state === "Ready" ? 200 : 503;
          return Response.json({ state }, { status });
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

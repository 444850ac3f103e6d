/**
 * One client's connection, and how long it may last.
 *
 * Invariants: the first request's head has to come whole within `firstRequestMs`. After that `idleMs` may pass without a
 * request that runs; bytes that the client sends buy no time, only a request does. A request that runs has no limit
 * here, so an answer may be a stream that lives long. `closed` is told once.
 *
 * Not promised: the whole of an answer to a client that has not taken it `idleMs` after it was complete, or
 * LAST_ANSWER_MS at the stop.
 */
import type { Clock, Timer } from "@oms/lifecycle";
import type { HttpCloseCause } from "../telemetry/metrics.ts";
import {
  type Handler,
  serveConnection,
  type ServedConnection,
} from "./serve_connection.ts";

export interface ConnectionLimits {
  /** From the accept to the first whole head of a request. */
  readonly firstRequestMs: number;
  /** From an answer to the next whole head of a request. */
  readonly idleMs: number;
}

export interface ConnectionDeps {
  readonly clock: Pick<Clock, "now" | "after">;
  readonly limits: ConnectionLimits;
  readonly handler: Handler;
  readonly onError: (error: unknown) => Response;
  /** `null`: it ended by itself, or with the stop. */
  readonly closed: (
    connection: Connection,
    cause: HttpCloseCause | null,
  ) => void;
}

/** An answer needs a moment to be written before its connection goes. */
export const LAST_ANSWER_MS = 100;

export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #served: ServedConnection;
  #running = 0;
  #finishing = false;
  #answeredAt = -Infinity;
  #cause: HttpCloseCause | null = null;
  #timer: Timer;

  constructor(socket: Deno.Conn, deps: ConnectionDeps) {
    this.#deps = deps;
    this.#timer = this.#cutIn(deps.limits.firstRequestMs, "first_request");
    this.#served = serveConnection(
      socket,
      (request, info) => this.#handle(request, info),
      deps.onError,
    );
    void this.#served.ended.then(() => {
      this.#timer.cancel();
      deps.closed(this, this.#cause);
    });
  }

  /** Takes no further request: closed once what runs is answered. */
  finish(): void {
    this.#finishing = true;
    if (this.#running === 0) this.#cutWhenWritten();
  }

  cut(): void {
    this.#served.cut();
  }

  async #handle(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Promise<Response> {
    // First of all: on a request that was broken off meanwhile Deno 2.7 throws.
    const { completed } = info;
    this.#running += 1;
    this.#timer.cancel();
    const ended = () => this.#requestEnded();
    completed.then(ended, ended);
    const response = await this.#deps.handler(request, info);
    if (this.#finishing) response.headers.set("connection", "close");
    return response;
  }

  #requestEnded(): void {
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#answeredAt = this.#deps.clock.now();
    if (this.#finishing) this.#cutWhenWritten();
    else this.#timer = this.#cutIn(this.#deps.limits.idleMs, "idle");
  }

  #cutWhenWritten(): void {
    this.#timer.cancel();
    const left = this.#answeredAt + LAST_ANSWER_MS - this.#deps.clock.now();
    if (left > 0) this.#timer = this.#cutIn(left, null);
    else this.#served.cut();
  }

  #cutIn(ms: number, cause: HttpCloseCause | null): Timer {
    return this.#deps.clock.after(ms, () => {
      this.#cause = cause;
      this.#served.cut();
    });
  }
}

/**
 * The TCP side: accepts connections, as many as are allowed, and owns them until they are closed.
 *
 * Invariants: a failed accept never ends the service: it is tried again after a back-off of at most a second, and told
 * of at most once in `WARN_EVERY_MS`. What comes above the limit is closed at once and counted. After `finish` none is
 * accepted.
 */
import { type Clock, SharedTimer } from "@oms/lifecycle";
import type { Logger } from "../telemetry/logger.ts";
import type { HttpCloseCause } from "../telemetry/metrics.ts";
import {
  Connection,
  type ConnectionDeps,
  type ConnectionLimits,
} from "./connection.ts";

export interface HttpLimits extends ConnectionLimits {
  readonly maxConnections: number;
}

/** What is told of connections. */
export interface ConnectionObserver {
  opened(): void;
  /** `null`: it ended by itself, or with the stop. */
  closed(cause: HttpCloseCause | null): void;
}

export interface ListenerDeps
  extends Pick<ConnectionDeps, "handler" | "onError"> {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly observer: ConnectionObserver;
  readonly log: Logger;
}

const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;
const WARN_EVERY_MS = 10_000;

export class HttpListener {
  readonly #deps: ListenerDeps;
  /** Of all connections. */
  readonly #timer: SharedTimer;
  readonly #open = new Set<Connection>();
  readonly #finished = new AbortController();
  readonly #empty = Promise.withResolvers<void>();
  #listener: Deno.TcpListener | null = null;
  #failures = 0;
  #warnedAt = -Infinity;

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
    this.#timer = new SharedTimer(deps.clock);
  }

  listen(hostname: string, port: number): Deno.NetAddr {
    const listener = Deno.listen({ hostname, port });
    this.#listener = listener;
    void this.#accept(listener);
    return listener.addr;
  }

  /** Accepts no more; resolves when the running requests are answered and all is closed. */
  finish(): Promise<void> {
    if (!this.#finished.signal.aborted) {
      this.#finished.abort();
      this.#listener?.close();
      for (const connection of this.#open) connection.finish();
      this.#resolveIfEmpty();
    }
    return this.#empty.promise;
  }

  /** Cuts what is left. */
  cut(): void {
    for (const connection of this.#open) connection.cut();
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    const { signal } = this.#finished;
    while (!signal.aborted) {
      try {
        this.#take(await listener.accept());
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#backOff(error, signal);
      }
    }
  }

  async #backOff(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const ms = Math.min(
      FIRST_BACKOFF_MS * 2 ** this.#failures,
      LONGEST_BACKOFF_MS,
    );
    this.#failures += 1;
    if (clock.now() - this.#warnedAt >= WARN_EVERY_MS) {
      this.#warnedAt = clock.now();
      log.warn("http cannot accept connections", {
        error: error instanceof Error ? error.message : String(error),
        open: this.#open.size,
      });
    }
    await clock.sleep(ms, signal).catch(() => {
      // The stop.
    });
  }

  #take(socket: Deno.TcpConn): void {
    const { limits, observer } = this.#deps;
    observer.opened();
    if (this.#open.size >= limits.maxConnections) {
      socket.close();
      observer.closed("limit");
      return;
    }
    try {
      socket.setNoDelay(true);
    } catch {
      // Gone already: serving it says so.
    }
    this.#open.add(
      new Connection(socket, {
        ...this.#deps,
        clock: this.#timer,
        closed: (connection, cause) => {
          this.#open.delete(connection);
          observer.closed(cause);
          this.#resolveIfEmpty();
        },
      }),
    );
  }

  #resolveIfEmpty(): void {
    if (this.#finished.signal.aborted && this.#open.size === 0) {
      this.#timer[Symbol.dispose]();
      this.#empty.resolve();
    }
  }
}

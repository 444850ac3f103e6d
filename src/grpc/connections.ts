/**
 * All HTTP/2 connections, over the listener's sockets.
 *
 * Invariant: once the end is announced, it is announced to each connection that
 * opens, too.
 *
 * @module
 */

import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { SharedTimer, systemClock } from "@oms/lifecycle";
import { Connection, type ConnectionLimits } from "./connection.ts";
import type { DeafObserver } from "./hearing.ts";
import { Listener } from "./listener.ts";
import { spread } from "./spread.ts";

/** The connections, and the listener that brings their sockets. */
export class Connections implements Disposable {
  readonly listener: Listener;
  readonly #limits: ConnectionLimits;
  readonly #endCalls: (session: ServerHttp2Session) => void;
  readonly #connections = new Set<Connection>();
  /** Of all connections: their ages are long, and most end before. */
  readonly #timer = new SharedTimer(systemClock);
  #opening: Socket | undefined;
  #ending = false;

  /** `endCalls` answers what still runs on a session that has had its time. */
  constructor(
    http2Server: Http2Server,
    inject: (socket: Socket) => void,
    endCalls: (session: ServerHttp2Session) => void,
    limits: ConnectionLimits,
    deaf: DeafObserver,
  ) {
    this.#limits = limits;
    this.#endCalls = endCalls;
    this.listener = new Listener(
      (socket) => {
        // The session is made, and announced, synchronously.
        this.#opening = socket;
        inject(socket);
        this.#opening = undefined;
      },
      limits,
      deaf,
    );
    http2Server.on("session", (session) => this.#opened(session));
    http2Server.on("sessionError", () => {
      // A peer that breaks the protocol: its session ends, ours goes on.
    });
  }

  /** Asks every client to move, also those that come; all is still served. */
  announceEnd(): void {
    this.#ending = true;
    for (const connection of this.#connections) connection.announceEnd();
  }

  /** Closes every connection as soon as its running calls have ended. */
  closeAll(): void {
    for (const connection of this.#connections) connection.close();
  }

  /**
   * Drains the present connections, spread evenly over the last half of
   * `overMs`: their clients move in turn instead of all at once. New ones are
   * still accepted. Takes all of `overMs`, also with no connection to drain: a
   * client that has not heard of the stop may still connect. Rejects with the
   * signal's reason when it is aborted.
   */
  async drainSpread(overMs: number, signal: AbortSignal): Promise<void> {
    await systemClock.sleep(overMs / 2, signal);
    await spread(
      systemClock,
      [...this.#connections],
      overMs / 2,
      signal,
      (connection) => connection.drain(),
    );
  }

  /** Once no socket is left. */
  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #opened(session: ServerHttp2Session): void {
    session.on("error", () => {
      // The close event follows.
    });
    const socket = this.#opening;
    if (socket === undefined) return;
    const connection = new Connection(
      session,
      socket,
      this.#limits,
      this.#endCalls,
      this.#timer,
    );
    this.#connections.add(connection);
    session.once("close", () => this.#connections.delete(connection));
    if (this.#ending) connection.announceEnd();
  }
}

/**
 * HTTP/2 sessions over the listener's sockets.
 *
 * Invariants: a session is closed by GOAWAY first and running calls end on it;
 * where that does not happen in time its calls are answered UNAVAILABLE and its
 * socket is destroyed. A session is never destroyed by itself: clients would
 * see INTERNAL or CANCELLED, which they do not retry, instead of UNAVAILABLE.
 * For the same reason the connection's age is counted here and not by grpc-js.
 *
 * Does not promise: a lossless GOAWAY. node:http2 cannot send the two-phase
 * one; a call that crosses it is retried by the client's library.
 *
 * @module
 */

import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { systemClock } from "@oms/lifecycle";
import { Listener } from "./listener.ts";
import { spread } from "./spread.ts";

/** Limits of a connection, in ms. */
export interface ConnectionLimits {
  /** Time to send the HTTP/2 preface. */
  readonly firstBytesMs: number;
  /** Age at which a client is asked to connect anew; +-10 % at random. */
  readonly maxConnectionAgeMs: number;
  /** How long its running calls then have. */
  readonly maxConnectionAgeGraceMs: number;
}

// Answers need a moment to be written before their socket goes.
const LAST_ANSWERS_MS = 100;

/** All sessions, and the listener that brings them. */
export class Connections {
  readonly listener: Listener;
  readonly #limits: ConnectionLimits;
  readonly #endCalls: (session: ServerHttp2Session) => void;
  readonly #sessions = new Set<ServerHttp2Session>();
  #opening: Socket | undefined;

  /** `endCalls` answers what still runs on a session that has had its time. */
  constructor(
    http2Server: Http2Server,
    inject: (socket: Socket) => void,
    endCalls: (session: ServerHttp2Session) => void,
    limits: ConnectionLimits,
  ) {
    this.#limits = limits;
    this.#endCalls = endCalls;
    this.listener = new Listener((socket) => {
      // The session is made, and announced, synchronously.
      this.#opening = socket;
      inject(socket);
      this.#opening = undefined;
    }, limits.firstBytesMs);
    http2Server.on("session", (session) => this.#opened(session));
    http2Server.on("sessionError", () => {
      // A peer that breaks the protocol: its session ends, ours goes on.
    });
  }

  /** Sends GOAWAY on every session. */
  drainAll(): void {
    for (const session of this.#sessions) drain(session);
  }

  /**
   * Sends GOAWAY on the present sessions, spread evenly over the last half of
   * `overMs`: their clients move in turn instead of all at once. New ones are
   * still accepted. Takes all of `overMs`, also with no session to drain: a
   * client that has not heard of the stop may still connect. Rejects with the
   * signal's reason when it is aborted.
   */
  async drainSpread(overMs: number, signal: AbortSignal): Promise<void> {
    await systemClock.sleep(overMs / 2, signal);
    await spread(systemClock, [...this.#sessions], overMs / 2, signal, drain);
  }

  #opened(session: ServerHttp2Session): void {
    const socket = this.#opening;
    this.#sessions.add(session);
    session.on("error", () => {
      // The close event follows.
    });
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs } = this.#limits;
    const jitter = 0.9 + Math.random() * 0.2;
    let timer = setTimeout(() => {
      drain(session);
      timer = setTimeout(() => {
        this.#endCalls(session);
        timer = setTimeout(() => socket?.destroy(), LAST_ANSWERS_MS);
      }, maxConnectionAgeGraceMs);
    }, maxConnectionAgeMs * jitter);
    session.once("close", () => {
      clearTimeout(timer);
      this.#sessions.delete(session);
    });
  }
}

function drain(session: ServerHttp2Session): void {
  if (!session.closed && !session.destroyed) session.close();
}

/**
 * One HTTP/2 connection: its age, its keepalive, and its end.
 *
 * The end has two phases. The first GOAWAY names the greatest stream there can
 * be: nothing is refused, the client is asked to use another connection, and
 * what it sends before it has heard of that is served as ever. The second one
 * comes `goawayNoticeMs` later and names the last stream that we have seen.
 *
 * Invariants: a session is closed by GOAWAY and running calls end on it; where
 * that does not happen in time its calls are answered UNAVAILABLE and its
 * socket is destroyed. The session itself is never destroyed: clients would see
 * INTERNAL or CANCELLED, which they do not retry, instead of UNAVAILABLE. That
 * is what grpc-js does with age, idle time and keepalive, so it counts none of
 * them: the age bounds an idle connection as well.
 *
 * Does not promise: the first GOAWAY and the keepalive where node:http2 writes
 * past our socket (Deno 2.7); that a peer hears of it within the notice; that a peer which dies
 * after the second one is noticed earlier than at the end of the age's grace.
 *
 * @module
 */

import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock, Timer } from "@oms/lifecycle";
import { END_IS_NEAR } from "./goaway.ts";
import type { ListenerLimits } from "./listener.ts";

/** Limits of a connection; times in ms. */
export interface ConnectionLimits extends ListenerLimits {
  /** Age at which a client is asked to connect anew; +-10 % at random. */
  readonly maxConnectionAgeMs: number;
  /** How long its running calls then have. */
  readonly maxConnectionAgeGraceMs: number;
  /** From the first GOAWAY to the second one. */
  readonly goawayNoticeMs: number;
  /** From the start, or the answer to a ping, to the next ping. */
  readonly keepaliveTimeMs: number;
  /** For the answer to a ping. */
  readonly keepaliveTimeoutMs: number;
}

// Answers need a moment to be written before their socket goes.
const LAST_ANSWERS_MS = 100;

/** A session and the socket that it came with. */
export class Connection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #limits: ConnectionLimits;
  readonly #endCalls: (session: ServerHttp2Session) => void;
  readonly #clock: Pick<Clock, "after">;
  #announced = false;
  /** The socket, too. */
  #gone = false;
  /** The age's, then that of the end's next step. */
  #life: Timer | undefined;
  #keepalive: Timer | undefined;

  /** `endCalls` answers what still runs on a session that has had its time. */
  constructor(
    session: ServerHttp2Session,
    socket: Socket,
    limits: ConnectionLimits,
    endCalls: (session: ServerHttp2Session) => void,
    clock: Pick<Clock, "after">,
  ) {
    this.#session = session;
    this.#socket = socket;
    this.#limits = limits;
    this.#endCalls = endCalls;
    this.#clock = clock;
    const jitter = 0.9 + Math.random() * 0.2;
    this.#then(limits.maxConnectionAgeMs * jitter, () => this.#endByAge());
    this.#pingLater();
    session.once("close", () => {
      this.#gone = true;
      this.#life?.cancel();
      this.#keepalive?.cancel();
    });
  }

  /** Sends the first GOAWAY, once. Everything is still served. */
  announceEnd(): void {
    if (this.#announced || !this.#open) return;
    this.#announced = true;
    // Frames leave whole, and all there are before http2 returns to the event loop.
    if (this.#writesHere) this.#socket.write(END_IS_NEAR);
  }

  /** Both GOAWAYs, the notice between them. Calls then have the stop's time. */
  drain(): void {
    if (!this.#open) return;
    this.announceEnd();
    this.#then(this.#limits.goawayNoticeMs, () => this.close());
  }

  /** The second GOAWAY: running calls end, later ones are not looked at. */
  close(): void {
    if (this.#open) this.#session.close();
  }

  #endByAge(): void {
    const { goawayNoticeMs, maxConnectionAgeGraceMs } = this.#limits;
    this.announceEnd();
    this.#then(goawayNoticeMs, () => {
      this.close();
      this.#then(maxConnectionAgeGraceMs, () => {
        this.#endCalls(this.#session);
        this.#then(LAST_ANSWERS_MS, () => this.#socket.destroy());
      });
    });
  }

  /**
   * node:http2 writes to this socket: its settings have left that way. Deno 2.7
   * writes past it: a frame of ours would break the socket, and http2 calls no
   * ping's callback there.
   */
  get #writesHere(): boolean {
    return this.#socket.bytesWritten > 0;
  }

  /** Neither side has asked for the end. */
  get #open(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  #then(ms: number, step: () => void): void {
    this.#life?.cancel();
    if (!this.#gone) this.#life = this.#clock.after(ms, step);
  }

  #pingLater(): void {
    this.#keepalive?.cancel();
    this.#keepalive = this.#clock.after(
      this.#limits.keepaliveTimeMs,
      () => this.#ping(),
    );
  }

  #ping(): void {
    // On a session that is closing, also by its peer, a ping is cancelled.
    if (!this.#open || !this.#writesHere) return;
    this.#keepalive = this.#clock.after(
      this.#limits.keepaliveTimeoutMs,
      () => this.#socket.destroy(),
    );
    this.#session.ping((error) => {
      if (error === null) this.#pingLater();
      // Cancelled: the session is destroyed, and its close event follows.
    });
  }
}

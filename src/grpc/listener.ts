/**
 * The TCP side: our own listener and every socket that it accepted.
 *
 * Invariants: a socket is handed on only after it has sent the whole HTTP/2
 * preface in time; each accepted socket is in `sockets` until it has closed;
 * no socket error is unhandled; after `close` none is accepted; one that has
 * sent no preface yet is told GOAWAY before it is closed for the stop's sake; no
 * more than `maxConnections` are open, one more is closed at once; a failed
 * accept(2) does not end accepting (hearing.ts).
 *
 * Does not promise: that what follows the preface is HTTP/2, nor that it comes.
 * TLS is not spoken here; its bytes are refused.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import { coalesceWrites } from "./coalesce.ts";
import { ListenError } from "./errors.ts";
import { NOT_SERVED } from "./goaway.ts";
import {
  acceptAgain,
  BACKLOG,
  type DeafObserver,
  Hearing,
  reachable,
  type Target,
} from "./hearing.ts";
import { LastLook } from "./last_look.ts";

/** Where to listen. */
export interface ListenAddress {
  /** None: all interfaces. */
  readonly host?: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

/** Where we listen. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** What there is of connections now, and was since the start. */
export interface ConnectionCounts {
  /** Accepted and not closed. */
  readonly open: number;
  /** Of these: still to send their preface. */
  readonly waiting: number;
  /** Since the start. */
  readonly accepted: number;
  /** Since the start: closed because they spoke something else. */
  readonly foreign: number;
  /** Since the start: closed because their preface did not come in time. */
  readonly silent: number;
  /** Since the start: closed because there were too many. */
  readonly refused: number;
}

/** Limits of a listener. */
export interface ListenerLimits {
  /** Time to send the HTTP/2 preface, in ms. */
  readonly firstBytesMs: number;
  /** Connections at once. */
  readonly maxConnections: number;
}

/** Takes a socket over that speaks HTTP/2; its first bytes can be read again. */
export type TakeSocket = (socket: Socket) => void;

/** For the kernel's queue to be found empty a moment before the port is closed. */
const QUEUE_WITHIN_MS = 500;
/** Such a moment; it is longer by a hundredth of the time that has been spent on waiting for one. */
const QUEUE_SEEN_MS = 0.2;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const HTTP1_ANSWER = "HTTP/1.1 505 HTTP Version Not Supported\r\n" +
  "content-type: text/plain\r\nconnection: close\r\ncontent-length: 39\r\n\r\n" +
  "This port speaks gRPC (HTTP/2, no TLS)\n";

// For a peer that has been told to go and does not.
const FAREWELL_MS = 100;

/** What the first bytes of a connection say. */
export type FirstBytes = "preface" | "incomplete" | "http1" | "other";

/** Tells an HTTP/2 preface from other protocols. */
export function classify(bytes: Uint8Array): FirstBytes {
  const length = Math.min(bytes.length, PREFACE.length);
  if (PREFACE.subarray(0, length).equals(bytes.subarray(0, length))) {
    return length === PREFACE.length ? "preface" : "incomplete";
  }
  const text = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  return /^(?!PRI )[A-Z]{3,7} /.test(text) ? "http1" : "other";
}

/** Accepts connections and owns their sockets. */
export class Listener {
  readonly #take: TakeSocket;
  readonly #limits: ListenerLimits;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Map<Socket, () => void>();
  readonly #onClosed = new Set<() => void>();
  #accepted = 0;
  #tests = 0;
  #foreign = 0;
  #silent = 0;
  #refused = 0;
  #closing: Promise<void> | undefined;
  readonly #hearing: Hearing;
  #refusing = false;
  /** Where we can be reached. */
  #bound: Target | undefined;
  #lastLook: LastLook | undefined;
  /** Accepted, and not read before the listener is closed. */
  #held: Set<Socket> | undefined;

  constructor(take: TakeSocket, limits: ListenerLimits, deaf: DeafObserver) {
    this.#take = take;
    this.#limits = limits;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#hearing = new Hearing({
      accepted: () => this.#accepted,
      retry: () => acceptAgain(this.#server),
      changed: deaf,
    });
  }

  /**
   * Starts to listen.
   *
   * @throws ListenError when the address is in use, not local or not allowed;
   * RuntimeInternalsError
   */
  listen(address: ListenAddress): Promise<BoundAddress> {
    const wanted = `${address.host ?? ""}:${address.port}`;
    return new Promise((resolve, reject) => {
      const onError = (error: Error) => reject(new ListenError(wanted, error));
      this.#server.once("error", onError);
      const { port, host } = address;
      this.#server.listen({ port, host, backlog: BACKLOG }, () => {
        this.#server.removeListener("error", onError);
        this.#server.on("error", () => {
          // Accepting failed, on a runtime that tells: it goes on.
        });
        const bound = this.#server.address();
        if (bound === null || typeof bound === "string") {
          reject(new ListenError(wanted, "it is not a TCP address"));
          return;
        }
        const found = { host: bound.address, port: bound.port };
        try {
          acceptAgain(this.#server);
        } catch (error) {
          this.close();
          reject(error);
          return;
        }
        this.#bound = reachable(found);
        this.#hearing.start(this.#bound);
        resolve(found);
      });
    });
  }

  /**
   * Accepts what the kernel holds already, and closes the port when it was seen
   * to hold nothing a moment ago, or after QUEUE_WITHIN_MS: closing resets what
   * is still there. So what is accepted meanwhile is not read before, its work
   * would let others queue up, and the runtime gets to close the port before
   * anything else.
   */
  async closeOnceQuiet(): Promise<void> {
    this.#held ??= new Set();
    const began = performance.now();
    while (this.#server.listening && this.#bound !== undefined) {
      const spent = performance.now() - began;
      if (spent >= QUEUE_WITHIN_MS) break;
      acceptAgain(this.#server);
      this.#lastLook ??= new LastLook(this.#bound);
      const seen = await this.#lastLook.look(
        QUEUE_WITHIN_MS - spent,
      );
      if (seen === undefined) break;
      this.#tests += 1;
      if (performance.now() - seen < QUEUE_SEEN_MS + spent / 100) break;
    }
    this.close();
    await new Promise((resolve) => setImmediate(resolve));
    const held = this.#held;
    this.#held = undefined;
    for (const socket of held ?? []) this.#awaitPreface(socket);
  }

  /** Accepts no more. What waits for its preface is served when that comes. */
  close(): Promise<void> {
    this.#hearing.stop();
    this.#closing ??= new Promise((resolve) => {
      if (!this.#server.listening) return resolve();
      this.#server.close(() => resolve());
    });
    return this.#closing;
  }

  /** Sends those away that have not sent their preface yet. */
  refuseWaiting(): void {
    this.#refusing = true;
    for (const socket of this.#held ?? []) this.#sendAway(socket);
    this.#held = undefined;
    for (const socket of this.#waiting.keys()) this.#sendAway(socket);
  }

  /** Ends every connection; peers with calls open see UNAVAILABLE. */
  destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * Resolves once no socket is open; `true`: in time. Rejects with the signal's
   * reason when it is aborted.
   */
  whenEmpty(withinMs: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#onClosed.delete(check);
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = () => end(() => reject(signal?.reason));
      const check = () => {
        if (this.#sockets.size === 0) end(() => resolve(true));
      };
      const timer = setTimeout(() => end(() => resolve(false)), withinMs);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort);
      this.#onClosed.add(check);
      check();
    });
  }

  counts(): ConnectionCounts {
    return {
      open: this.#sockets.size,
      waiting: this.#waiting.size,
      accepted: this.#accepted - this.#tests,
      foreign: this.#foreign,
      silent: this.#silent,
      refused: this.#refused,
    };
  }

  #accept(socket: Socket): void {
    this.#accepted += 1;
    this.#lastLook?.arrived(socket);
    const { maxConnections } = this.#limits;
    // A test of our own must not be what is one too many.
    const testing = this.#hearing.testing || this.#lastLook !== undefined;
    const most = maxConnections + (testing ? 1 : 0);
    if (this.#sockets.size >= most) {
      this.#refused += 1;
      socket.on("error", () => {
        // It is closed already.
      });
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {
      // A reset or a broken pipe: the close event follows.
    });
    socket.once("close", () => {
      this.#waiting.get(socket)?.();
      this.#sockets.delete(socket);
      this.#held?.delete(socket);
      for (const check of this.#onClosed) check();
    });
    if (this.#refusing) this.#sendAway(socket);
    else if (this.#held !== undefined) this.#held.add(socket);
    else this.#awaitPreface(socket);
  }

  #awaitPreface(socket: Socket): void {
    let bytes = Buffer.alloc(0);
    const onReadable = () => {
      for (;;) {
        const chunk: unknown = socket.read();
        if (!(chunk instanceof Uint8Array)) return;
        bytes = Buffer.concat([bytes, chunk]);
        const kind = classify(bytes);
        if (kind === "incomplete") continue;
        stopWaiting();
        if (kind === "preface") {
          socket.unshift(bytes);
          coalesceWrites(socket);
          this.#take(socket);
        } else if (this.#hearing.recognises(bytes)) {
          this.#tests += 1;
          socket.destroy();
        } else this.#refuse(socket, kind);
        return;
      }
    };
    const onEnd = () => socket.destroy();
    const timer = setTimeout(() => {
      this.#silent += 1;
      socket.destroy();
    }, this.#limits.firstBytesMs);
    const stopWaiting = () => {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.removeListener("readable", onReadable);
      socket.removeListener("end", onEnd);
    };
    this.#waiting.set(socket, stopWaiting);
    socket.on("readable", onReadable);
    socket.on("end", onEnd);
  }

  /** Reads on meanwhile: unread bytes would make the end a reset. */
  #sendAway(socket: Socket): void {
    this.#waiting.get(socket)?.();
    socket.resume();
    socket.end(NOT_SERVED);
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once("close", () => clearTimeout(timer));
  }

  #refuse(socket: Socket, kind: "http1" | "other"): void {
    this.#foreign += 1;
    if (kind === "other") {
      socket.destroy();
      return;
    }
    // Destroyed once written: a peer that never closes would keep it open.
    socket.end(HTTP1_ANSWER, () => socket.destroy());
  }
}

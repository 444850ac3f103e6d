/**
 * Every call that is open, and every handler that still runs.
 *
 * Invariants
 * - A call is here from its headers until its stream has closed and its handler
 *   has settled: after its deadline the stream is gone and the handler is not.
 * - Its first status is the one that is counted; a call whose answer has begun
 *   cannot be failed any more.
 * - What grpc-js itself answers (deadline, message too large, broken gzip) gets
 *   error details on its way out.
 *
 * Does not promise: that a closed stream's bytes have reached the peer.
 *
 * @module
 */

import type { ServerHttp2Stream } from "node:http2";
import {
  type Metadata,
  type ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status,
} from "@grpc/grpc-js";
import { type CallAbortCause, CallAbortedError, RpcError } from "./errors.ts";
import { CORRELATION_ID, correlationIdOf, type MethodInfo } from "./context.ts";
import type { GrpcObserver } from "./observer.ts";
import { Room } from "./room.ts";
import { own } from "./own_errors.ts";
import { toStatus, type WireStatus } from "./status.ts";

/** A call, for reports. */
export interface CallReport {
  /** `oms.v1.OrderService/GetOrder` */
  readonly method: string;
  readonly correlationId: string;
  readonly ageMs: number;
  /** Its request has not come, its handler runs (also when its caller has gone), or its answer is under way. */
  readonly state: "receiving" | "running" | "answering";
}

type SendStatus = ServerInterceptingCallInterface["sendStatus"];

/** One call from its headers to its end. */
export class ActiveCall {
  readonly startedAt = performance.now();
  correlationId = "";
  /** A stream that lives until one side ends it; not waited for at the stop. */
  readonly lasting: boolean;
  #running = false;
  #code: status | undefined;
  #answering = false;
  #streamOpen = true;
  #abort: AbortController | undefined;
  #sendStatus: SendStatus | undefined;

  constructor(
    readonly method: MethodInfo,
    readonly timeoutMs: number | undefined,
    readonly stream: ServerHttp2Stream,
    private readonly observer: GrpcObserver,
    private readonly changed: (call: ActiveCall) => void,
    private readonly room: Room,
  ) {
    this.lasting = method.type !== "unary";
    observer.started(method);
    stream.once("close", () => this.#closed());
  }

  get running(): boolean {
    return this.#running;
  }

  /** Its deadline has passed: whatever is done for it now, nobody gets. */
  get expired(): boolean {
    return this.timeoutMs !== undefined &&
      performance.now() - this.startedAt >= this.timeoutMs;
  }

  /** The peer still has something to send or to get. */
  get streamOpen(): boolean {
    return this.#streamOpen;
  }

  /** Over: nothing of it is left. */
  get over(): boolean {
    return !this.#streamOpen && !this.#running;
  }

  get state(): CallReport["state"] {
    if (this.#running) return "running";
    return this.#answering ? "answering" : "receiving";
  }

  /** Aborted when nobody waits for the handler's answer any more. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  handlerStarted(): void {
    this.#running = true;
    this.room.began();
  }

  handlerSettled(): void {
    this.#running = false;
    this.room.ended();
    this.changed(this);
  }

  /** Reserves the answer; false: the call has its answer already. */
  beginAnswer(): boolean {
    if (this.#answering || this.#code !== undefined) return false;
    this.#answering = true;
    this.changed(this);
    return true;
  }

  /** Answers with an error and aborts the handler; false: too late. */
  fail(error: RpcError, why: CallAbortCause = "forced"): boolean {
    if (!this.beginAnswer()) return false;
    const { code, details, metadata } = toStatus(error);
    this.#sendStatus?.({ code, details, metadata });
    this.abort(why);
    return true;
  }

  abort(why: CallAbortCause): void {
    // After the handler has settled nobody listens.
    if (this.#running && this.#abort?.signal.aborted !== true) {
      this.#abort ??= new AbortController();
      this.#abort.abort(new CallAbortedError(why));
    }
  }

  /** Lets every status of grpc-js's call pass through here first. */
  intercept(base: ServerInterceptingCallInterface): void {
    const send = base.sendStatus.bind(base);
    this.#sendStatus = (given) => {
      const final = given.code === status.OK
        ? given
        : this.#detailed(own(given));
      this.#answering = true;
      this.#finish(final.code ?? status.UNKNOWN);
      send(final);
      if (final.code === status.DEADLINE_EXCEEDED) this.abort("deadline");
      this.changed(this);
    };
    base.sendStatus = this.#sendStatus;
  }

  report(): CallReport {
    return {
      method: this.method.path.slice(1),
      correlationId: this.correlationId,
      ageMs: Math.round(performance.now() - this.startedAt),
      state: this.state,
    };
  }

  #detailed(given: WireStatus): WireStatus {
    // Error answers are trailers only: initial metadata would commit the call,
    // and the client would not retry it (gRFC A6).
    given.metadata.set(CORRELATION_ID, this.correlationId);
    return given;
  }

  #finish(code: status): void {
    if (this.#code !== undefined) return;
    this.#code = code;
    this.observer.handled(
      this.method,
      code,
      (performance.now() - this.startedAt) / 1_000,
      this.correlationId,
    );
  }

  #closed(): void {
    this.#streamOpen = false;
    this.#finish(status.CANCELLED);
    this.abort("client_gone");
    this.changed(this);
  }
}

/** All calls of one server. */
export class CallRegistry {
  readonly #observer: GrpcObserver;
  readonly room: Room;
  readonly #calls = new Set<ActiveCall>();
  readonly #byMetadata = new WeakMap<Metadata, ActiveCall>();
  readonly #watchers = new Set<() => void>();
  #opening: ActiveCall | undefined;

  /** @param maxOpen handlers at once */
  constructor(observer: GrpcObserver, maxOpen: number) {
    this.#observer = observer;
    this.room = new Room(maxOpen);
  }

  /**
   * Takes a stream in. grpc-js makes its call object, and with it calls
   * `interceptor`, synchronously within `handOver`.
   */
  open(
    method: MethodInfo,
    timeoutMs: number | undefined,
    stream: ServerHttp2Stream,
    handOver: () => void,
  ): void {
    const call = new ActiveCall(
      method,
      timeoutMs,
      stream,
      this.#observer,
      (changed) => this.#changed(changed),
      this.room,
    );
    this.#calls.add(call);
    this.room.came();
    this.#opening = call;
    try {
      handOver();
    } finally {
      this.#opening = undefined;
    }
  }

  /** Ties grpc-js's call object to ours. */
  readonly interceptor: ServerInterceptor = (_method, base) => {
    this.#intercept(base);
    // grpc-js calls what its interface has and no more; its type asks for the
    // class, which would put a second object and five closures on each call.
    return base as ServerInterceptingCall;
  };

  #intercept(base: ServerInterceptingCallInterface): void {
    const call = this.#opening;
    if (call === undefined) return;
    call.intercept(base);
    const start = base.start.bind(base);
    base.start = (listener) =>
      start({
        onReceiveMetadata: (metadata) => {
          call.correlationId = correlationIdOf(metadata);
          this.#byMetadata.set(metadata, call);
          listener.onReceiveMetadata(metadata);
        },
        onReceiveMessage: (message) => listener.onReceiveMessage(message),
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        onCancel: () => listener.onCancel(),
      });
  }

  /** Our call behind a handler's metadata object. */
  of(metadata: Metadata): ActiveCall | undefined {
    return this.#byMetadata.get(metadata);
  }

  *[Symbol.iterator](): Generator<ActiveCall> {
    yield* this.#calls;
  }

  /**
   * Resolves once no call matches; `true`: in time. Rejects with the signal's
   * reason when it is aborted.
   */
  whenNone(
    matches: (call: ActiveCall) => boolean,
    options: { signal?: AbortSignal; withinMs?: number } = {},
  ): Promise<boolean> {
    const { signal, withinMs } = options;
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = () => end(() => reject(signal?.reason));
      const check = () => {
        for (const call of this.#calls) if (matches(call)) return;
        end(() => resolve(true));
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort);
      this.#watchers.add(check);
      if (withinMs !== undefined) {
        timer = setTimeout(() => end(() => resolve(false)), withinMs);
      }
      check();
    });
  }

  #changed(call: ActiveCall): void {
    if (call.over) this.#calls.delete(call);
    for (const watcher of this.#watchers) watcher();
  }
}

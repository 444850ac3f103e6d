/**
 * The gRPC edge: serves the given services beside health and reflection, and
 * stops without ending a call CANCELLED.
 *
 * The stop. `stopGracefully`: accept no more, ask every client to move and
 * serve on for a moment, say NOT_SERVING, end Watch and reflection streams,
 * GOAWAY, let running handlers finish, let their answers out, close. `force`:
 * answer UNAVAILABLE to what runs, give the answers a moment, destroy the
 * sockets. Both may be called in any order and repeatedly.
 *
 * Invariants: after either has resolved no socket, timer or listener of ours
 * is left; a call that a handler has answered is never turned into a failure.
 *
 * Does not promise: to wait for clients. A request that does not arrive, or an
 * answer that is not read, delays the graceful stop by a fixed time and is not
 * counted as work that was cut off.
 *
 * @module
 */

import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { LogFn } from "@oms/lifecycle";
import { CallRegistry, type CallReport } from "./calls.ts";
import type { ConnectionLimits } from "./connection.ts";
import { Connections } from "./connections.ts";
import type { MethodInfo } from "./context.ts";
import { http2ServerOf, installGuard } from "./guard.ts";
import type { ErrorMapper } from "./handlers.ts";
import { Health } from "./health.ts";
import { deafLog, type DeafObserver } from "./hearing.ts";
import type {
  BoundAddress,
  ConnectionCounts,
  ListenAddress,
} from "./listener.ts";
import { type GrpcObserver, noObserver } from "./observer.ts";
import { Reflection } from "./reflection.ts";
import { agedOut, stopping, tooManyCalls } from "./refusals.ts";
import type { EdgeService } from "./service.ts";

/** Limits of the edge. Sizes in bytes, times in ms. */
export interface EdgeLimits extends ConnectionLimits {
  readonly maxReceiveBytes: number;
  /** Calls that run at once, those of health aside; one more is refused. */
  readonly maxOpenCalls: number;
  /** Calls at once on one connection. */
  readonly maxConcurrentStreams: number;
  /** At the stop: for requests whose headers are here and whose body is not. */
  readonly receiveGraceMs: number;
  /** At the stop: for answers to leave and connections to close. */
  readonly flushMs: number;
  /** When forced: the same. */
  readonly forcedFlushMs: number;
}

/**
 * The limits when none are given. The age moves clients on to other replicas;
 * what the keepalive allows a client is in docs/client.md.
 */
const DEFAULT_LIMITS: EdgeLimits = {
  maxReceiveBytes: 1_048_576,
  maxOpenCalls: 512,
  maxConcurrentStreams: 1_000,
  firstBytesMs: 10_000,
  maxConnections: 2_000,
  maxConnectionAgeMs: 300_000,
  maxConnectionAgeGraceMs: 30_000,
  goawayNoticeMs: 150,
  keepaliveTimeMs: 20_000,
  keepaliveTimeoutMs: 5_000,
  receiveGraceMs: 500,
  flushMs: 1_000,
  forcedFlushMs: 150,
};

/** What the edge is built from. */
export interface GrpcEdgeOptions {
  readonly services: readonly EdgeService[];
  /** Serve reflection; default true. */
  readonly reflection?: boolean;
  /** Maps a handler's error to the caller's; default: none is known. */
  readonly errorToRpc?: ErrorMapper;
  readonly observer?: GrpcObserver;
  readonly log?: LogFn;
  readonly limits?: Partial<EdgeLimits>;
}

/** Serves gRPC on one address. */
export class GrpcEdge {
  readonly #limits: EdgeLimits;
  readonly #calls: CallRegistry;
  readonly #health: Health;
  readonly #reflection: Reflection;
  readonly #connections: Connections;
  /** Every method that is served, health and reflection included. */
  readonly methods: readonly MethodInfo[];
  #stopping = false;
  #deaf: string | null = null;

  /** @throws GrpcInternalsError, MissingHandlerError */
  constructor(options: GrpcEdgeOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const observer = options.observer ?? noObserver;
    this.#limits = limits;
    this.#calls = new CallRegistry(observer, limits.maxOpenCalls);
    this.#health = new Health(options.services.map(({ name }) => name));
    const served = [...options.services, this.#health.service()];
    this.#reflection = new Reflection(() => served.map(({ name }) => name));
    if (options.reflection ?? true) {
      served.push(...this.#reflection.services());
    }
    const server = new Server({
      "grpc.enable_channelz": 0,
      "grpc.max_receive_message_length": limits.maxReceiveBytes,
      "grpc.max_concurrent_streams": limits.maxConcurrentStreams,
      interceptors: [this.#calls.interceptor],
    });
    const env = {
      calls: this.#calls,
      observer,
      log: options.log ?? (() => {}),
      errorToRpc: options.errorToRpc ?? (() => undefined),
    };
    for (const service of served) {
      server.addService(service.definition, service.implement(env));
    }
    this.methods = served.flatMap(({ methods }) => methods);
    this.#connections = this.#connect(
      server,
      new Map(this.methods.map((method) => [method.path, method])),
      observer,
      deafLog(env.log),
    );
  }

  #connect(
    server: Server,
    methods: ReadonlyMap<string, MethodInfo>,
    observer: GrpcObserver,
    tell: DeafObserver,
  ): Connections {
    const injector = server.createConnectionInjector(
      ServerCredentials.createInsecure(),
    );
    const http2Server = http2ServerOf(server);
    installGuard(
      http2Server,
      (path) => methods.has(path),
      ({ path, timeoutMs, stream, handOver, refuse }) => {
        const method = methods.get(path);
        if (method === undefined || this.#stopping) refuse(stopping);
        else if (this.#calls.room.admits(method)) {
          this.#calls.open(method, timeoutMs, stream, handOver);
        } else {
          refuse(tooManyCalls);
          observer.refused("too_many");
        }
      },
    );
    return new Connections(
      http2Server,
      (socket) => injector.injectConnection(socket),
      (session) => {
        for (const call of this.#calls) {
          if (call.stream.session === session) call.fail(agedOut);
        }
      },
      this.#limits,
      (errno) => {
        this.#deaf = errno;
        tell(errno);
      },
    );
  }

  /**
   * Starts to serve. Health says NOT_SERVING until {@link setServing}.
   *
   * @throws ListenError
   */
  start(address: ListenAddress): Promise<BoundAddress> {
    return this.#connections.listener.listen(address);
  }

  /** What health answers; calls are served either way. */
  setServing(serving: boolean): void {
    this.#health.setServing(serving);
  }

  /** Handlers that have not settled, also those whose caller has gone. */
  get inflight(): number {
    return this.#calls.room.running;
  }

  /** Every open call, oldest first. */
  calls(): CallReport[] {
    return [...this.#calls].map((call) => call.report());
  }

  /**
   * Why new connections are not accepted, an errno if it can be named; null:
   * they are. Calls on the present ones are served either way, so health does
   * not say NOT_SERVING: its watchers would leave connections that work for
   * new ones, which do not.
   */
  get deaf(): string | null {
    return this.#deaf;
  }

  connections(): ConnectionCounts {
    return this.#connections.listener.counts();
  }

  /**
   * Lame duck: asks the present connections to move, spread over the last half
   * of `overMs`. Everything is still served. Rejects with the signal's reason.
   */
  drainConnections(overMs: number, signal: AbortSignal): Promise<void> {
    return this.#connections.drainSpread(overMs, signal);
  }

  /**
   * Stops as soon as what runs has finished. Rejects with the signal's reason
   * when that is aborted; then call {@link force}.
   */
  async stopGracefully(signal: AbortSignal): Promise<void> {
    const { receiveGraceMs, flushMs } = this.#limits;
    await this.#announceEnd(signal);
    this.#refuseNewWork();
    const inTime = await this.#calls.whenNone(
      (call) => !call.lasting && call.state === "receiving",
      { signal, withinMs: receiveGraceMs },
    );
    if (!inTime) {
      for (const call of this.#calls) {
        if (call.state === "receiving") call.fail(stopping);
      }
    }
    await this.#calls.whenNone((call) => call.running, { signal });
    await this.#close(flushMs, signal);
  }

  /**
   * Stops now. Resolves within the forced flush time and a little more, with
   * the handlers that were cut off.
   */
  async force(): Promise<CallReport[]> {
    this.#refuseNewWork();
    const cut: CallReport[] = [];
    for (const call of this.#calls) {
      if (call.running) cut.push(call.report());
      call.fail(stopping);
    }
    await this.#close(this.#limits.forcedFlushMs);
    return cut;
  }

  /** Everything is served meanwhile. Over at once when nobody is connected. */
  async #announceEnd(signal: AbortSignal): Promise<void> {
    const { listener } = this.#connections;
    await listener.closeOnceQuiet();
    this.#connections.announceEnd();
    await listener.whenEmpty(this.#limits.goawayNoticeMs, signal);
  }

  #refuseNewWork(): void {
    this.#stopping = true;
    this.#health.endWatches(stopping);
    this.#reflection.endStreams(stopping);
    this.#connections.listener.close();
    this.#connections.listener.refuseWaiting();
    this.#connections.closeAll();
  }

  async #close(flushMs: number, signal?: AbortSignal): Promise<void> {
    const { listener } = this.#connections;
    const until = performance.now() + flushMs;
    await this.#calls.whenNone((call) => call.streamOpen, {
      signal,
      withinMs: flushMs,
    });
    await listener.whenEmpty(Math.max(0, until - performance.now()));
    listener.destroySockets();
    await listener.close();
    this.#connections[Symbol.dispose]();
  }
}

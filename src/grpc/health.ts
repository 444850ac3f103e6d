/**
 * grpc.health.v1: Check, List and Watch.
 *
 * Invariants: a Watch gets the present status at once and then each change, the
 * newest when changes outrun the client; before we end it, it gets
 * NOT_SERVING. A client that does not read holds one message, never a queue.
 *
 * Does not promise: that a client which does not read sees NOT_SERVING.
 *
 * @module
 */

import { type ServerWritableStream, status } from "@grpc/grpc-js";
import type { ActiveCall } from "./calls.ts";
import { RpcError } from "./errors.ts";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService as definition,
} from "./gen/grpc/health/v1/health.ts";
import {
  type HandlerEnvironment,
  malformedRequest,
  methodInfo,
  type Received,
  unary,
} from "./handlers.ts";
import { describe, type EdgeService } from "./service.ts";

type WatchStream = ServerWritableStream<
  Received<HealthCheckRequest>,
  HealthCheckResponse
>;

class Watch {
  #sent: ServingStatus | undefined;
  #writing = false;

  constructor(
    private readonly stream: WatchStream,
    readonly call: ActiveCall,
    private readonly now: () => ServingStatus,
    private readonly onSent: () => void,
  ) {}

  /** Sends the present status unless the client has it or is still reading. */
  update(): void {
    const present = this.now();
    if (this.#writing || present === this.#sent) return;
    this.#writing = true;
    this.#sent = present;
    this.stream.write({ status: present }, (error?: Error | null) => {
      this.#writing = false;
      if (error) return;
      this.onSent();
      this.update();
    });
  }
}

/** The health of this server and its services. */
export class Health {
  readonly #names: ReadonlySet<string>;
  readonly #watches = new Set<Watch>();
  #serving = false;

  /** `services`: full names beside "", which stands for all. */
  constructor(services: readonly string[]) {
    this.#names = new Set(["", ...services]);
  }

  /** NOT_SERVING until this is called with `true`. */
  setServing(serving: boolean): void {
    this.#serving = serving;
    for (const watch of this.#watches) watch.update();
  }

  /** Says NOT_SERVING to every Watch, then ends it with `error`. */
  endWatches(error: RpcError): void {
    this.setServing(false);
    for (const watch of this.#watches) watch.call.fail(error);
  }

  service(): EdgeService {
    return {
      ...describe(definition),
      implement: (env) => ({
        check: unary(
          env,
          methodInfo(definition.check),
          (request: HealthCheckRequest) => this.#check(request.service),
        ),
        list: unary(env, methodInfo(definition.list), () => this.#list()),
        watch: (stream: WatchStream) => this.#watch(env, stream),
      }),
    };
  }

  #status(name: string): ServingStatus {
    if (!this.#names.has(name)) return ServingStatus.SERVICE_UNKNOWN;
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  #check(name: string): Promise<HealthCheckResponse> {
    const found = this.#status(name);
    return found === ServingStatus.SERVICE_UNKNOWN
      ? Promise.reject(
        new RpcError({
          code: status.NOT_FOUND,
          reason: "SERVICE_UNKNOWN",
          message: "no service of that name is served here",
        }),
      )
      : Promise.resolve({ status: found });
  }

  #list() {
    return Promise.resolve({
      statuses: Object.fromEntries(
        [...this.#names].map((name) => [name, { status: this.#status(name) }]),
      ),
    });
  }

  #watch(env: HandlerEnvironment, stream: WatchStream): void {
    const call = env.calls.of(stream.metadata);
    if (call === undefined) return void stream.destroy();
    env.observer.msgReceived(call.method);
    stream.on("error", () => {
      // The client has gone; "cancelled" comes as well.
    });
    const request = stream.request();
    if (!request.ok) {
      call.fail(malformedRequest());
      return;
    }
    const watch = new Watch(
      stream,
      call,
      () => this.#status(request.value.service),
      () => env.observer.msgSent(call.method),
    );
    this.#watches.add(watch);
    stream.once("cancelled", () => this.#watches.delete(watch));
    watch.update();
  }
}

/**
 * Whether the port still accepts connections, found out from outside: by a connection of our own to it.
 *
 * Why: after one failed accept(2) (no descriptors left, say) Deno 2.8.3's node:net never tries again and tells nobody.
 *
 * Invariants: while others connect there is no test; a test that is not accepted in time makes the port deaf, and from
 * then on accepting is tried again every RETRY_MS until a connection comes through. `changed` is told of each change
 * once, never after `stop`.
 *
 * Does not promise: the cause. The error itself is lost in the runtime; what is named is what the same system calls
 * say on another socket a moment later, so that a cause which has gone meanwhile has no name.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, type Server, type Socket } from "node:net";
import { constants } from "node:os";
import { type LogFn, systemClock } from "@oms/lifecycle";
import { RuntimeInternalsError } from "./errors.ts";

/** Connections that the kernel holds until they are accepted; node:net's own default. */
export const BACKLOG = 511;

/** Between two looks, in ms. */
const EVERY_MS = 500;
/** For a test to be accepted, in ms. */
const HEARD_WITHIN_MS = 300;
/** Between two attempts to accept again, in ms. */
const RETRY_MS = 100;
/** An event loop that was blocked runs its timers first: so many short turns more before the verdict. */
const LAST_TURNS = 9;

/** What a connection fails with that leaves no room for one to be accepted either. */
const EXHAUSTED = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** For a cause that has gone before it could be named. */
const UNNAMED = "unknown";

/** Told that the port does not accept connections, with the errno or "unknown"; null: that it accepts again. */
export type DeafObserver = (errno: string | null) => void;

/** What the test needs of the listener. */
export interface HearingPorts {
  /** Connections since the start, those of tests included. */
  readonly accepted: () => number;
  /** Makes the runtime try accept(2) again. */
  readonly retry: () => void;
  readonly changed: DeafObserver;
}

/** Where to connect to. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** One connection of ours to ourselves. */
class Call {
  readonly #socket: Socket;
  #connected = false;
  /** What connecting failed with. */
  failed: string | undefined;
  /** Whoever accepts it closes it. */
  heard = false;

  constructor({ host, port }: Target, token: Buffer) {
    this.#socket = connect({ host, port });
    this.#socket.on("error", (error) => {
      if (!this.#connected) this.failed = codeOf(error);
    });
    this.#socket.once("connect", () => {
      this.#connected = true;
      this.#socket.write(token);
    });
    this.#socket.once("close", () => this.heard = this.#connected);
    this.#socket.resume();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** Tests one port, from `start` to `stop`. */
export class Hearing {
  readonly #ports: HearingPorts;
  readonly #stopped = new AbortController();
  readonly #token = Buffer.from(`hearing test ${crypto.randomUUID()}`);
  #testing = false;
  #deaf: string | null = null;

  constructor(ports: HearingPorts) {
    this.#ports = ports;
  }

  /** A test is under way: one connection more than usual has to be let in. */
  get testing(): boolean {
    return this.#testing;
  }

  /** These are the first bytes of a test of ours. */
  recognises(bytes: Uint8Array): boolean {
    return this.#token.equals(bytes);
  }

  start(target: Target): void {
    this.#watch(target).catch((error: unknown) => {
      // Only `stop` ends it.
      if (!this.#stopped.signal.aborted) throw error;
    });
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #watch(target: Target): Promise<never> {
    for (let seen = 0;; seen = this.#ports.accepted()) {
      await this.#sleep(this.#deaf === null ? EVERY_MS : RETRY_MS);
      if (this.#ports.accepted() !== seen) this.#tell(null);
      else await this.#test(target, seen);
    }
  }

  async #test(target: Target, seen: number): Promise<void> {
    this.#testing = true;
    try {
      using call = new Call(target, this.#token);
      for (let turn = 0;; turn += 1) {
        const first = turn === 0 && this.#deaf === null;
        await this.#sleep(first ? HEARD_WITHIN_MS : RETRY_MS / 3);
        if (call.heard || this.#ports.accepted() !== seen) {
          return this.#tell(null);
        }
        if (call.failed !== undefined) {
          // Any other failure is one of connecting: nothing is known then.
          if (EXHAUSTED.has(call.failed)) {
            this.#tell(call.failed);
            this.#ports.retry();
          }
          return;
        }
        if (turn < LAST_TURNS) continue;
        if (this.#deaf === null) this.#tell(await whyNot(target.host));
        if (turn % 3 === 0) this.#ports.retry();
      }
    } finally {
      this.#testing = false;
    }
  }

  #tell(deaf: string | null): void {
    this.#stopped.signal.throwIfAborted();
    // The first cause stands until it hears again.
    if ((deaf === null) === (this.#deaf === null)) return;
    this.#deaf = deaf;
    this.#ports.changed(deaf);
  }

  #sleep(ms: number): Promise<void> {
    return systemClock.sleep(ms, this.#stopped.signal);
  }
}

/** Accepts one connection on another socket, and says what that fails with. */
async function whyNot(hostname: string): Promise<string> {
  try {
    using listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    using _caller = await Deno.connect({ hostname, port });
    using _accepted = await listener.accept();
    return UNNAMED;
  } catch (error) {
    return codeOf(error);
  }
}

/** Deno gives some errors their code, and all of them their number in the text. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return UNNAMED;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code === "string") return code;
  const [, number] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  const found = Object.entries(constants.errno)
    .find(([, value]) => value === Number(number));
  return found?.[0] ?? UNNAMED;
}

/** "All interfaces" is no address to connect to on every system. */
export function reachable({ host, port }: Target): Target {
  if (host === "0.0.0.0") return { host: "127.0.0.1", port };
  return { host: host === "::" ? "::1" : host, port };
}

/**
 * Makes the runtime try accept(2) again. Deno 2.8.3 waits for the next
 * connection only after an accept(2) that found none, so one that failed is its
 * last; `listen` on a handle that listens already does nothing else than to
 * have it look once more. 2.7 wraps its handle: there `listen` would bind anew,
 * and is not needed, because it looks at each turn of the event loop.
 *
 * @throws RuntimeInternalsError when node:net does not keep the handle where it was.
 */
export function acceptAgain(server: Server): void {
  // 2.7 would take another free port in place of the one that port 0 has got.
  if (!server.listening || Deno.version.deno.startsWith("2.7.")) return;
  const handle: unknown = Reflect.get(server, "_handle");
  const listen: unknown = handle instanceof Object &&
    Reflect.get(handle, "listen");
  if (!(handle instanceof Object) || typeof listen !== "function") {
    throw new RuntimeInternalsError("the handle of a node:net server");
  }
  if ("_nativeHandle" in handle) return;
  Reflect.apply(listen, handle, [BACKLOG]);
}

// A port that goes deaf again and again says so once in this time.
const DEAF_LOG_MS = 10_000;

/** Logs when the port goes deaf and when it hears again. */
export function deafLog(log: LogFn): DeafObserver {
  let told = -Infinity;
  let since: number | undefined;
  return (errno) => {
    const now = performance.now();
    if (errno === null) {
      if (since === undefined) return;
      log("info", "grpc port accepts again", {
        deaf_ms: Math.round(now - since),
      });
      since = undefined;
    } else if (now - told >= DEAF_LOG_MS) {
      told = since = now;
      log("warn", "grpc port accepts nothing", { errno });
    }
  };
}

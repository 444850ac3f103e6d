/**
 * `Deno.serve`, for one connection that is ours.
 *
 * Why it reaches into Deno: `Deno.serve` takes no connection and no listener. It has no limits of time or number, and
 * one failed accept ends it. Carrying the bytes to it over sockets of our own is no way round: Deno 2.8.3 cannot close
 * a socket that is being read (denoland/deno#35292). So this takes the function that `Deno.serve` itself rests on; the
 * runtime is pinned, and what is relied on is checked at the start (docs/decisions.md).
 *
 * Invariants: nothing thrown or rejected by the connection escapes. `cut` closes it in whatever state it is, and does
 * nothing when it has ended. Deno throws in the moment between its end and `finished`; from the listener of a real
 * AbortSignal nobody could catch that, so the signal that Deno is given is only the shape of one.
 *
 * Not promised: that an answer whose `completed` has settled is on its way whole. What does not fit into the system's
 * buffer still waits for its client.
 */
import { HttpInternalsError } from "./errors.ts";

export type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** As much of an AbortSignal as is used. */
interface CutSignal {
  addEventListener(type: string, listener: () => void): void;
}

type ServeOn = (
  connection: Deno.Conn,
  signal: CutSignal,
  handler: Handler,
  onError: (error: unknown) => Response,
  onListen: () => void,
) => { readonly finished: Promise<void> };

export interface ServedConnection {
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
  cut(): void;
}

/** @throws HttpInternalsError when this Deno does not have it */
export function serveOnConnection(): ServeOn {
  const key: unknown = Reflect.get(Deno, "internal");
  const internals: unknown = typeof key === "symbol"
    ? Reflect.get(Deno, key)
    : undefined;
  if (!hasServeOn(internals)) throw new HttpInternalsError();
  return internals.serveHttpOnConnection;
}

function hasServeOn(
  internals: unknown,
): internals is { readonly serveHttpOnConnection: ServeOn } {
  return typeof internals === "object" && internals !== null &&
    "serveHttpOnConnection" in internals &&
    typeof internals.serveHttpOnConnection === "function";
}

export function serveConnection(
  connection: Deno.Conn,
  handler: Handler,
  onError: (error: unknown) => Response,
): ServedConnection {
  let close = () => {};
  const { finished } = serveOnConnection()(
    connection,
    {
      addEventListener: (_abort, listener) => {
        close = listener;
      },
    },
    handler,
    onError,
    () => {},
  );
  return {
    // A client that breaks off rejects it.
    ended: finished.catch(() => {}),
    cut: () => {
      try {
        close();
      } catch {
        // It has just ended.
      }
    },
  };
}

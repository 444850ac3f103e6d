/**
 * When the kernel's queue of a listening socket was last seen empty.
 *
 * Why: closing a listening socket resets what the kernel has accepted and the program has not. Deno asks the kernel
 * for new connections only when its event loop comes to rest, which under load can be tens of milliseconds later, and
 * neither a timer nor setImmediate waits for that. A connection of our own does: the queue is first in, first out, and
 * Deno 2.8 takes all of it before it hands over the first.
 *
 * Invariant: what had been queued before `look` was called has been handed over when it resolves with a time.
 *
 * Does not promise: that nothing has come since.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import type { Target } from "./hearing.ts";

/** Looks by a connection of our own; who accepts tells what has come. */
export class LastLook {
  readonly #target: Target;
  /** When a connection was handed over, by its peer's port. */
  readonly #arrivals = new Map<number, number>();
  #changed = () => {};

  constructor(target: Target) {
    this.#target = target;
  }

  /** To be called for each connection that is handed over. */
  arrived({ remotePort }: Socket): void {
    if (remotePort === undefined) return;
    this.#arrivals.set(remotePort, performance.now());
    this.#changed();
  }

  /** Resolves at the end of the turn that has emptied the queue; undefined: ours was not accepted in time. */
  look(withinMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const socket = connect(this.#target);
      const end = (seen: number | undefined) => {
        clearTimeout(timer);
        this.#changed = () => {};
        // The rest of what has been taken is handed over in this turn.
        setImmediate(() => {
          resolve(seen);
          // Whoever waits may be in a hurry.
          setImmediate(() => socket.destroy());
        });
      };
      const timer = setTimeout(() => end(undefined), withinMs);
      this.#changed = () => {
        const seen = this.#arrivals.get(socket.localPort ?? 0);
        if (seen !== undefined) end(seen);
      };
      socket.once("connect", () => this.#changed());
      socket.on("error", () => end(undefined));
    });
  }
}

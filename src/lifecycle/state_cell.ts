/**
 * The present state and who wants to know of its changes.
 *
 * Invariants: a state never goes back in the order of {@link LIFECYCLE_STATES};
 * listeners hear each change synchronously; one that throws disturbs nobody.
 * Not promised: that every state is visited.
 *
 * @module
 */

import { toError } from "./errors.ts";
import { LIFECYCLE_STATES, type LifecycleState } from "./lifecycle.ts";
import type { LogFn } from "./log.ts";

/** Holds a {@link LifecycleState}. */
export class StateCell {
  readonly #log: LogFn;
  readonly #listeners = new Set<(state: LifecycleState) => void>();
  #state: LifecycleState = "Starting";

  /** Begins as `Starting`. */
  constructor(log: LogFn) {
    this.#log = log;
  }

  /** The present state. */
  get state(): LifecycleState {
    return this.#state;
  }

  /** Moves on to `state`; moving back or nowhere does nothing. */
  set(state: LifecycleState): void {
    const order = (each: LifecycleState) => LIFECYCLE_STATES.indexOf(each);
    if (order(state) <= order(this.#state)) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (thrown) {
        this.#log("error", "state listener threw", {
          state,
          error: toError(thrown).message,
        });
      }
    }
  }

  /** Calls `listener` at each change. */
  onState(listener: (state: LifecycleState) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Forgets all listeners. */
  [Symbol.dispose](): void {
    this.#listeners.clear();
  }
}

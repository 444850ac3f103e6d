/**
 * One at a time per key, in the order of arrival: calls of this process for one order do not race each other for
 * its version.
 *
 * Invariants: a waiter leaves by its signal and holds up nobody; nothing is kept of a key that nobody uses.
 *
 * Not promised: anything about other processes, or about sagas, which move the same version.
 */
import { settled } from "./settled.ts";

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Keys in use. */
  get size(): number {
    return this.#last.size;
  }

  /** @throws the signal's reason when it aborts before the turn has come; whatever `run` rejects with */
  async take<T>(
    key: string,
    signal: AbortSignal,
    run: () => Promise<T>,
  ): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = Promise.withResolvers<void>();
    const mine = before.then(() => turn.promise);
    this.#last.set(key, mine);
    try {
      await settled(before, signal);
      return await run();
    } finally {
      turn.resolve();
      mine.then(() => {
        if (this.#last.get(key) === mine) this.#last.delete(key);
      });
    }
  }
}

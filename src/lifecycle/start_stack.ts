/**
 * What has started, so that it can be undone in reverse.
 *
 * Invariants: only what has started is rolled back; a step that finishes after
 * the rollback began is rolled back by itself, late but not forgotten.
 * Not promised: that a step which hangs is ever undone.
 *
 * @module
 */

import { toError } from "./errors.ts";
import { ROLLBACK_MS } from "./lifecycle.ts";
import type { LogFn } from "./log.ts";
import type { Phase } from "./phases.ts";
import type { PendingTask } from "./task_group.ts";
import type { Clock } from "./clock.ts";

type Undo = () => Promise<void> | void;

interface Step {
  readonly name: string;
  readonly undo: Undo;
}

/** The parts that have started, in order. */
export class StartStack {
  readonly #clock: Clock;
  readonly #log: LogFn;
  readonly #steps: Step[] = [];
  readonly #running = new Map<string, number>();
  #over = false;

  /** Makes an empty stack. */
  constructor(clock: Clock, log: LogFn) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Runs one step and keeps its rollback. */
  async run<T>(
    name: string,
    begin: () => Promise<T> | T,
    rollback?: (value: T) => Promise<void> | void,
  ): Promise<T> {
    this.#running.set(name, this.#clock.now());
    try {
      const value = await begin();
      const undo = () => rollback?.(value);
      if (this.#over) await this.#undoLate(name, undo);
      else if (rollback) this.#steps.push({ name, undo });
      return value;
    } finally {
      this.#running.delete(name);
    }
  }

  /** Steps that have not ended. */
  running(): PendingTask[] {
    const now = this.#clock.now();
    return Array.from(this.#running, ([name, startedAt]) => ({
      name: `start/${name}`,
      ageMs: now - startedAt,
      stepAgeMs: now - startedAt,
      labels: {},
    }));
  }

  /** The rollbacks as phases, last started first. Ends the stack. */
  unwind(): Phase[] {
    this.#over = true;
    return this.#steps.splice(0).reverse().map(({ name, undo }) => ({
      name: `rollback/${name}`,
      budgetMs: ROLLBACK_MS,
      message: "rolled back",
      stage: "close",
      run: () => undo(),
    }));
  }

  async #undoLate(name: string, undo: Undo): Promise<void> {
    try {
      await undo();
    } catch (thrown) {
      this.#log("warn", "late rollback failed", {
        step: name,
        error: toError(thrown).message,
      });
    }
  }
}

/**
 * Keeps the watchdog informed, and the process alive while it drains.
 *
 * Invariants: between `hold` and dispose one timer keeps the event loop alive
 * (a signal listener does not, and a pending promise neither); before it, none
 * does. Disposing releases timer and watchdog.
 * Not promised: a view younger than one interval.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";
import type { LifecycleState } from "./lifecycle.ts";
import { leftoverToJson } from "./report.ts";
import type { PendingTask } from "./task_group.ts";
import type { Watchdog } from "./watchdog.ts";

/** How often the view is mirrored before a stop, in ms. */
const IDLE_MIRROR_MS = 1000;

/** How often the view is mirrored during a stop, in ms. */
const STOP_MIRROR_MS = 250;

/** How many tasks are mirrored at most. */
const MIRRORED_TASKS = 100;

/** What is mirrored. */
export interface MirrorSource {
  /** State of the lifecycle. */
  readonly state: LifecycleState;
  /** Why it stops. */
  readonly reason: string | undefined;
  /** The present phase. */
  readonly phase: string | undefined;
  /** What is left of its budget, in ms. */
  readonly phaseLeftMs: number | undefined;
  /** Sum of all budgets, in ms. */
  readonly budgetMs: number | undefined;
  /** What is running. */
  readonly tasks: readonly PendingTask[];
}

/** Mirrors the lifecycle to its watchdog. */
export class Mirror implements Disposable {
  readonly #clock: Clock;
  readonly #watchdog: Watchdog | undefined;
  readonly #view: () => MirrorSource;
  #timer: Timer | undefined;
  #holding = false;

  /** Begins to mirror if there is a watchdog. */
  constructor(
    clock: Clock,
    watchdog: Watchdog | undefined,
    view: () => MirrorSource,
  ) {
    this.#clock = clock;
    this.#watchdog = watchdog;
    this.#view = view;
    if (watchdog) this.#arm();
  }

  /** Mirrors the present view at once. */
  update(): void {
    if (!this.#watchdog) return;
    const { tasks, reason, ...view } = this.#view();
    quietly(() =>
      this.#watchdog?.update({
        ...view,
        reason,
        stopping: reason !== undefined,
        leftover: tasks.slice(0, MIRRORED_TASKS).map(leftoverToJson),
      })
    );
  }

  /** The stop has begun: keep the process alive until disposed. */
  hold(): void {
    this.#holding = true;
    this.#arm();
    this.update();
  }

  /** Releases the timer and the watchdog. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
    quietly(() => this.#watchdog?.[Symbol.dispose]());
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(
      this.#holding ? STOP_MIRROR_MS : IDLE_MIRROR_MS,
      () => {
        this.#arm();
        this.update();
      },
      { unref: !this.#holding },
    );
  }
}

function quietly(fn: () => void): void {
  try {
    fn();
  } catch {
    // A broken watchdog must not disturb what it watches.
  }
}

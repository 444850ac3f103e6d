/**
 * Gives accepted sagas a slot: immediate and best effort in memory, bounded; the table is the truth.
 *
 * Invariants
 * - At most `concurrency` sagas run, at most as many again wait in memory; the rest wait in the table.
 * - A saga is in memory at most once. One that sleeps between attempts holds neither slot nor memory: a single
 *   timer, set to the store's next due time and never later than `scanIntervalMs`, takes it up.
 * - The end of a saga wakes the next of its order.
 * - After `close` nothing starts. What waits in memory was never claimed, so it needs no hand-over.
 *
 * Not promised: that an offered saga runs in this process.
 */
import {
  type Clock,
  type TaskContext,
  type TaskGroup,
  TaskGroupClosedError,
  type Timer,
} from "@oms/lifecycle";
import type { SagaId } from "../orders/ids.ts";
import type { Saga } from "../orders/saga.ts";
import { StoreFatalError, StoreUnavailableError } from "../storage/errors.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";
import { KNOWN_VERSIONS } from "./definitions.ts";
import { logFields } from "./log_fields.ts";
import type { SagaObserver } from "./observer.ts";
import type { RunEnd } from "./run.ts";
import type { SagaRunner } from "./runner.ts";

/** Thousands that sleep are due at as many times; the table is not read for each of them. In ms. */
const SCAN_GAP_MS = 20;

/** So many are named, one line each; the rest is counted. */
const UNKNOWN_NAMED = 20;

export interface DispatcherDeps {
  readonly store: Store;
  readonly runner: SagaRunner;
  readonly group: TaskGroup;
  readonly clock: Clock;
  /** Sagas that run at the same time. */
  readonly concurrency: number;
  /** ms; the longest time that a saga known only to the table waits for a free slot's attention. */
  readonly scanIntervalMs: number;
  /** ms; nothing is put off for longer, unless the wall clock has been set back: then it is taken up at once. */
  readonly maxPostponeMs: number;
  readonly observer: SagaObserver;
  readonly log: Logger;
}

export class SagaDispatcher {
  readonly #deps: DispatcherDeps;
  readonly #running = new Set<SagaId>();
  readonly #queued = new Map<SagaId, Saga>();
  /**
   * Offered while running. A claim that was refused because of the order's earlier saga may be answered
   * after that saga's end has offered this one: it is then looked up once more.
   */
  readonly #again = new Set<SagaId>();
  #timer: Timer | null = null;
  #timerAt = Infinity;
  /** When the table was last read, on the monotonic clock. */
  #lookedAt = -Infinity;
  #scanning: Promise<number> | null = null;
  #moreInTable = false;
  #closed = false;
  #unknownVersions = 0;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /** False once `close` was called: what is accepted from now on would have to wait for another process. */
  get open(): boolean {
    return !this.#closed && !this.#deps.group.closed;
  }

  get running(): number {
    return this.#running.size;
  }

  get queued(): number {
    return this.#queued.size;
  }

  /** Open sagas that this build cannot run and that nobody has flagged otherwise, as of the start. */
  get unknownVersions(): number {
    return this.#unknownVersions;
  }

  /** Takes up what earlier incarnations left; resolves with its count, after the first look at the table. */
  async start(): Promise<number> {
    await this.#tellUnknown();
    const taken = await this.#scan();
    // Room that came up meanwhile asked for another look in vain.
    this.#fill();
    return taken;
  }

  /**
   * Once: this process neither makes such sagas nor ends them. They wait for a release that knows them, and hold back
   * the later sagas of their orders.
   */
  async #tellUnknown(): Promise<void> {
    const { store, observer, log } = this.#deps;
    const { first, count, unflagged } = await store.unknownSagas(
      KNOWN_VERSIONS,
      UNKNOWN_NAMED,
    );
    this.#unknownVersions = unflagged;
    observer.unknownVersions(count);
    for (const saga of first) {
      log.warn("saga of an unknown version waits", {
        ...logFields(saga),
        saga: saga.kind,
        definition_version: saga.definitionVersion,
      });
    }
    if (count > first.length) {
      log.warn("more sagas of unknown versions", {
        sagas: count - first.length,
      });
    }
  }

  /** Offers a saga that was just committed or found; ignored when there is no room or the group is closed. */
  offer(saga: Saga): void {
    if (!this.open || this.#queued.has(saga.id)) return;
    if (this.#running.has(saga.id)) {
      this.#again.add(saga.id);
      return;
    }
    if (this.#queued.size >= this.#deps.concurrency) {
      this.#moreInTable = true;
      return;
    }
    this.#queued.set(saga.id, saga);
    this.#fill();
  }

  /** Stops starting sagas; running ones are the group's to await. */
  close(): void {
    this.#closed = true;
    this.#deps.group.close();
    this.#queued.clear();
    this.#timer?.cancel();
    this.#timer = null;
    this.#report();
  }

  #fill(): void {
    for (const [id, saga] of this.#queued) {
      if (this.#running.size >= this.#deps.concurrency) break;
      this.#queued.delete(id);
      this.#start(saga);
    }
    this.#report();
    const room = this.#queued.size === 0 &&
      this.#running.size < this.#deps.concurrency;
    if (this.#moreInTable && room) this.#scanSoon();
  }

  #start(saga: Saga): void {
    try {
      this.#running.add(saga.id);
      this.#deps.group.spawn(
        `${saga.kind}/${saga.orderId}`,
        (context) => this.#run(saga, context),
        { labels: logFields(saga) },
      );
    } catch (error) {
      this.#running.delete(saga.id);
      if (!(error instanceof TaskGroupClosedError)) throw error;
      this.#closed = true;
    }
  }

  async #run(saga: Saga, context: TaskContext): Promise<void> {
    let end: RunEnd;
    try {
      end = await this.#runOrShelve(saga, context);
    } finally {
      this.#running.delete(saga.id);
    }
    const again = this.#again.delete(saga.id);
    if (!this.open) return this.#report();
    if (end.kind === "postponed") this.#arm(end.nextAttemptAt);
    else if (end.kind === "ended" ? end.more : again) {
      await this.#wakeNext(saga);
    }
    this.#fill();
  }

  async #runOrShelve(saga: Saga, context: TaskContext): Promise<RunEnd> {
    const { runner, log } = this.#deps;
    try {
      return await runner.run(saga, context);
    } catch (error) {
      if (error instanceof StoreFatalError) throw error;
      const defect = error instanceof Error ? error : new Error(String(error));
      log.error("saga failed on a defect, put aside", {
        ...logFields(saga),
        error: defect,
      });
      return await runner.shelve(saga, defect, context.signal);
    }
  }

  async #wakeNext(saga: Saga): Promise<void> {
    try {
      const next = await this.#deps.store.nextSaga(saga.orderId);
      if (next !== null && next.state === "open") this.offer(next);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      // The table still knows: the next scan finds it.
      this.#moreInTable = true;
    }
  }

  #scanSoon(): void {
    if (this.#scanning !== null || !this.open) return;
    // As after the first.
    this.#scan().then(() => this.#fill()).catch((error) => {
      if (!(error instanceof StoreUnavailableError)) {
        this.#deps.log.error("saga scan failed", { error });
      }
      this.#arm(this.#deps.clock.wallNow() + this.#deps.scanIntervalMs);
    });
  }

  #scan(): Promise<number> {
    this.#scanning ??= this.#scanTable().finally(() => this.#scanning = null);
    return this.#scanning;
  }

  /** Resolves with how many sagas ran or waited in memory once those that it found were offered. */
  async #scanTable(): Promise<number> {
    const { store, clock, concurrency } = this.#deps;
    const limit = 2 * concurrency;
    const now = clock.wallNow();
    this.#lookedAt = clock.now();
    // Set again by what finds no room while the table is read.
    this.#moreInTable = false;
    const horizon = now + this.#deps.maxPostponeMs;
    const versions = KNOWN_VERSIONS;
    const due = await store.dueSagas({ now, horizon, limit, versions });
    if (!this.open) return 0;
    if (due.length === limit) this.#moreInTable = true;
    for (const saga of due) this.offer(saga);
    // Counted now: a quick one may have ended before the next look is through.
    const taken = this.#running.size + this.#queued.size;
    // What is due now was offered just now, or waits for an earlier saga or a slot: the timer is for what comes next.
    this.#arm(await store.nextDueAt(versions, now) ?? Infinity);
    return taken;
  }

  /** One timer for everything that sleeps: not sooner after a look than SCAN_GAP_MS, never later than one scan interval. */
  #arm(at: number): void {
    if (!this.open) return;
    const { clock, scanIntervalMs } = this.#deps;
    const now = clock.wallNow();
    const gapMs = this.#lookedAt + SCAN_GAP_MS - clock.now();
    const wanted = Math.max(Math.min(at, now + scanIntervalMs), now + gapMs);
    if (this.#timer !== null && this.#timerAt <= wanted) return;
    this.#timer?.cancel();
    this.#timerAt = wanted;
    this.#timer = clock.after(Math.max(0, wanted - now), () => {
      this.#timer = null;
      this.#scanSoon();
    }, { unref: true });
  }

  #report(): void {
    this.#deps.observer.active(this.#running.size, this.#queued.size);
  }
}

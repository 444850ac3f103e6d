/**
 * The queue in front of the writer: what arrives while one batch is being committed is the next batch.
 *
 * Invariants: a request leaves the queue either into a batch, from where on its abort has no effect, or by
 * its abort, and then it is never written. One batch is out at a time. After a fatal failure nothing is
 * written any more and `onFatal` has been called once.
 *
 * Not promised: fairness beyond first come, first served.
 */
import { StoreFatalError, StoreUnavailableError } from "../errors.ts";
import { failureError } from "./errors.ts";
import type { Counters, WriteRequest, WriteResult } from "./protocol.ts";
import type { WriterHost } from "./writer_host.ts";

/** What a caller gets; failures are thrown. */
export type WriteOutcome = Exclude<WriteResult, { kind: "failed" }>;

export interface CommitObserver {
  /** Once per batch, when `counters` are new: seconds from handing it to the writer to its answer. */
  commit(seconds: number, batchSize: number): void;
}

interface Entry {
  readonly request: WriteRequest;
  readonly outcome: PromiseWithResolvers<WriteOutcome>;
  /** Takes the abort listener off. */
  readonly unlink: () => void;
}

/** Beyond this many waiting requests the store answers unavailable instead of growing. */
const MAX_WAITING = 10_000;
/** Bounds the time that the first member of a batch waits for the last. */
const MAX_BATCH = 512;
/** For this long a refused change speaks against the store, unless a later one is committed. */
const REFUSAL_COUNTS_MS = 30_000;

export class CommitQueue {
  readonly #writer: WriterHost;
  readonly #onFatal: (error: StoreFatalError) => void;
  readonly #observer: CommitObserver | undefined;
  #waiting: Entry[] = [];
  #pumping = false;
  #refusal: Error | null = null;
  #fatal: StoreFatalError | null = null;
  #counters: Counters;
  #idle: PromiseWithResolvers<void> | null = null;
  #refusedChange: { readonly error: Error; readonly at: number } | null = null;
  readonly #now: () => number;

  /** @param now monotonic, in ms */
  constructor(
    writer: WriterHost,
    onFatal: (error: StoreFatalError) => void,
    observer?: CommitObserver,
    now: () => number = () => performance.now(),
  ) {
    this.#writer = writer;
    this.#onFatal = onFatal;
    this.#observer = observer;
    this.#now = now;
    this.#counters = writer.counters;
  }

  /** As of the last committed batch. */
  get counters(): Counters {
    return this.#counters;
  }

  /** True: the store has become unusable. */
  get failed(): boolean {
    return this.#fatal !== null;
  }

  /** Why nothing is accepted any more; null while the store is open. */
  get refusal(): Error | null {
    return this.#refusal;
  }

  /**
   * Why the last change was refused, if that was within 30 s. A full disk may take the small write of a ping and no
   * order: a ping alone does not show it.
   */
  get refusedChange(): Error | null {
    const refused = this.#refusedChange;
    return refused !== null && this.#now() - refused.at < REFUSAL_COUNTS_MS
      ? refused.error
      : null;
  }

  submit(request: WriteRequest, signal?: AbortSignal): Promise<WriteOutcome> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal);
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(
        new StoreUnavailableError(
          `Cannot commit: ${MAX_WAITING} change sets wait already; send less or try again later`,
        ),
      );
    }
    const outcome = Promise.withResolvers<WriteOutcome>();
    const leave = () => {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== entry);
      outcome.reject(signal?.reason);
    };
    const entry: Entry = {
      request,
      outcome,
      unlink: () => signal?.removeEventListener("abort", leave),
    };
    signal?.addEventListener("abort", leave, { once: true });
    this.#waiting.push(entry);
    if (!this.#pumping) {
      this.#pumping = true;
      queueMicrotask(() => this.#pump());
    }
    return outcome.promise;
  }

  /** Refuses what comes from now on and resolves when what was queued is answered. */
  drain(refusal: Error): Promise<void> {
    this.#refusal ??= refusal;
    if (!this.#pumping) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** The store is unusable: everything waiting fails, and whatever comes later. */
  fail(error: StoreFatalError): void {
    if (this.#fatal !== null) return;
    this.#fatal = error;
    this.#refusal = error;
    for (const entry of this.#take(this.#waiting.length)) {
      entry.outcome.reject(error);
    }
    this.#onFatal(error);
  }

  async #pump(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take(MAX_BATCH);
      const sentAt = performance.now();
      try {
        const { results, counters } = await this.#writer.apply(
          batch.map((entry) => entry.request),
        );
        this.#counters = counters;
        this.#observer?.commit(
          (performance.now() - sentAt) / 1_000,
          batch.length,
        );
        batch.forEach((entry, i) => this.#settle(entry, results[i]));
      } catch (error) {
        const fatal = error instanceof StoreFatalError
          ? error
          : new StoreFatalError(`Cannot commit: ${error}`, { cause: error });
        for (const entry of batch) entry.outcome.reject(fatal);
        this.fail(fatal);
      }
    }
    this.#pumping = false;
    this.#idle?.resolve();
    this.#idle = null;
  }

  #settle(entry: Entry, result: WriteResult | undefined): void {
    if (result === undefined) throw new TypeError("A result is missing");
    const isChange = entry.request.kind === "change";
    if (result.kind !== "failed") {
      if (isChange && result.kind === "committed") this.#refusedChange = null;
      return entry.outcome.resolve(result);
    }
    const error = failureError(result.failure);
    if (isChange && error instanceof StoreUnavailableError) {
      this.#refusedChange = { error, at: this.#now() };
    }
    entry.outcome.reject(error);
    if (error instanceof StoreFatalError) this.fail(error);
  }

  #take(count: number): Entry[] {
    const taken = this.#waiting.splice(0, count);
    for (const entry of taken) entry.unlink();
    return taken;
  }
}

/**
 * The outbox relay: publishes what commits have left in the outbox, woken by them.
 *
 * Invariants: one lane per topic, in order within it (see Lane); an outage of any length drops nothing; a poll
 * is only the safety net, a commit that is notified does not wait for it.
 * Not promised: exactly once. A crash between acknowledgement and mark publishes again, same id and bytes.
 */
import type { EventTopic } from "../orders/events.ts";
import { StoreUnavailableError } from "../storage/errors.ts";
import { Backlog, type BacklogSnapshot } from "./backlog.ts";
import { Lane } from "./lane.ts";
import type { RelayDeps } from "./relay_ports.ts";

const TOPICS: readonly EventTopic[] = ["order", "saga"];

export class OutboxRelay {
  /** Back-pressure: asked by the mutating calls. */
  readonly limit: Backlog;
  readonly #deps: RelayDeps;
  readonly #lanes: readonly Lane[];

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    this.limit = new Backlog(deps.options.maxPending, deps.clock);
    this.#lanes = TOPICS.map((topic) => new Lane(topic, deps, this.limit));
  }

  /**
   * The background loop: resolves after the signal has aborted and the marks under way have ended. A publish
   * under way is abandoned by the abort: flush first.
   * @throws StoreFatalError or an unexpected error of a dependency: the process is to stop
   */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const onAbort = () => ended.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    try {
      const loops = [
        ...this.#lanes.map((lane) => lane.run(ended.signal)),
        this.#watchBacklog(ended.signal),
      ];
      // The first loop to fail takes the others down; its error is the one to report.
      for (const loop of loops) loop.catch((error) => ended.abort(error));
      const settled = await Promise.allSettled(loops);
      const failed = settled.find((result) => result.status === "rejected");
      if (failed !== undefined) {
        throw signal.aborted ? failed.reason : ended.signal.reason;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** To be called after every commit that wrote outbox rows, with how many it wrote. */
  notify(count = 1): void {
    this.limit.added(count);
    this.#deps.observer.enqueued(count);
    for (const lane of this.#lanes) lane.notify();
  }

  /**
   * Publishes what is committed, until nothing is left or the signal aborts; returns at once when the publisher
   * is known to be down. Works while `run` is active and after it has ended. Never rejects because of the signal.
   * @returns the events that are left; they are durable
   * @throws StoreFatalError or an unexpected error of a dependency
   */
  async flush(signal: AbortSignal): Promise<{ readonly pending: number }> {
    await Promise.all(this.#lanes.map((lane) => lane.flush(signal)));
    if (!signal.aborted) await this.refreshBacklog();
    return { pending: this.backlog().pending };
  }

  backlog(): BacklogSnapshot {
    return this.limit.snapshot();
  }

  /**
   * Reads the backlog from the store; `run` does so on every poll interval. Before the first read the backlog
   * counts as empty, so this belongs before the first call is served.
   * @throws StoreFatalError; a store that is only unavailable leaves the last numbers
   */
  async refreshBacklog(): Promise<void> {
    try {
      await this.limit.refresh(() => this.#deps.store.outboxStats());
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
    this.#deps.observer.backlog(this.limit.snapshot());
  }

  async #watchBacklog(signal: AbortSignal): Promise<void> {
    const { clock, options } = this.#deps;
    while (!signal.aborted) {
      await this.refreshBacklog();
      try {
        await clock.sleep(options.pollIntervalMs, signal);
      } catch (error) {
        if (error !== signal.reason) throw error;
      }
    }
  }
}

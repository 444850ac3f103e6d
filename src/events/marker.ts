/**
 * Marks acknowledged events as sent, behind the publishing.
 *
 * Invariants: what is acknowledged as its dead letter is marked as such; only acknowledged positions are ever marked; one mark is under way at a time; a mark that the
 * store could not take is repeated until it can, together with what was acknowledged since.
 * Not promised: that a mark is durable before the next batch is published. What a crash leaves unmarked is
 * published again, same id and bytes.
 */
import type { Clock } from "@oms/lifecycle";
import { StoreUnavailableError } from "../storage/errors.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import type { OutboxStore } from "./relay_ports.ts";

/** A row that is acknowledged. */
export interface Acked {
  readonly position: number;
  /** As its dead letter: the row is kept. */
  readonly dead: boolean;
}

export interface MarkerDeps {
  readonly store: Pick<OutboxStore, "markSent">;
  readonly clock: Pick<Clock, "sleep" | "wallNow">;
  readonly backoff: BackoffOptions;
  readonly onMarked: (count: number) => void;
  readonly onUnavailable: (error: StoreUnavailableError) => void;
  /** Called once when marking has failed for good; `throwIfFailed` tells why. */
  readonly onFailed: () => void;
}

export class Marker {
  readonly #deps: MarkerDeps;
  #acked: Acked[] = [];
  #running: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(deps: MarkerDeps) {
    this.#deps = deps;
  }

  /** Acknowledged and not yet marked. */
  get size(): number {
    return this.#acked.length;
  }

  /** Where reading goes on: unmarked rows up to here are acknowledged already; 0 when there are none. */
  get highest(): number {
    return this.#acked.at(-1)?.position ?? 0;
  }

  /** Rows by rising position. The signal ends the repeats, not a mark under way. */
  add(rows: readonly Acked[], signal: AbortSignal): void {
    this.#acked.push(...rows);
    this.kick(signal);
  }

  /** Starts marking what is left, for example after an abort ended the repeats. */
  kick(signal: AbortSignal): void {
    if (this.#acked.length > 0) this.#running ??= this.#run(signal);
  }

  /** Resolves when no mark is under way: all is marked, or the signal ended the repeats, or it failed for good. */
  async settled(): Promise<void> {
    await this.#running;
  }

  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { store, clock, backoff } = this.#deps;
    let failures = 0;
    // `#running` has to be assigned before it is cleared, also when markSent throws at once.
    await Promise.resolve();
    try {
      while (this.#acked.length > 0) {
        const batch = this.#acked.slice();
        try {
          await store.markSent(
            batch.map(({ position }) => position),
            clock.wallNow(),
            batch.filter(({ dead }) => dead).map(({ position }) => position),
          );
          this.#acked.splice(0, batch.length);
          this.#deps.onMarked(batch.length);
          failures = 0;
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error;
          failures += 1;
          if (failures === 1) this.#deps.onUnavailable(error);
          if (signal.aborted) return;
          await clock.sleep(backoffMs(failures, backoff), signal);
        }
      }
    } catch (error) {
      if (signal.aborted && error === signal.reason) return;
      this.#failure = { error };
      this.#deps.onFailed();
    } finally {
      this.#running = null;
    }
  }
}

/**
 * Whether a provider still keeps the key of an open attempt.
 *
 * Invariants
 * - It is too old to be sent as soon as one of the clocks says so (src/storage/ages.ts), and given up as such only
 *   when no clock can be wrong about it, or both say so.
 * - What this process has marked itself is measured on the monotonic clock from the mark on as well. A wall clock that
 *   has moved further forward was put right, or the machine was suspended: nobody can tell, so the attempt waits.
 * - What it has found is not judged while the clock is behind the newest time in the store.
 *
 * Not promised: that a wait is short. It ends when the clocks agree, or when the process itself has been there for
 * longer than providers keep keys.
 * A suspension is not noticed when the wall clock is set back meanwhile: then no clock has counted it.
 */
import type { Clock } from "@oms/lifecycle";
import type { SagaId } from "../orders/ids.ts";
import type { StepAttempt } from "../orders/saga.ts";
import type { Ages } from "../storage/ages.ts";

export type KeyVerdict =
  | { readonly kind: "kept" | "too_old" }
  | {
    /** Nobody can tell yet. */
    readonly kind: "wait";
    readonly reason: string;
    /** ms after which it is known at the latest if the clock goes on as it does; null: not known. */
    readonly forMs: number | null;
  };

export interface AttemptAgesDeps {
  readonly ages: Ages;
  readonly clock: Pick<Clock, "now">;
  /** ms from the first attempt for which providers keep keys. */
  readonly keyRetentionMs: number;
}

interface Made {
  readonly key: string;
  /** Monotonic ms. */
  readonly at: number;
}

interface Age {
  readonly byWall: number;
  readonly bySteady: number;
  /** It is this old for certain. */
  readonly atLeast: number;
}

export class AttemptAges {
  readonly #deps: AttemptAgesDeps;
  /** Attempts of sagas that are not settled. */
  readonly #made = new Map<SagaId, Made>();

  constructor(deps: AttemptAgesDeps) {
    this.#deps = deps;
  }

  /** Attempts that it remembers. */
  get remembered(): number {
    return this.#made.size;
  }

  /** This process is about to mark the attempt. */
  making(id: SagaId, { key }: StepAttempt): void {
    this.#made.set(id, { key, at: this.#deps.clock.now() });
  }

  /** The saga is settled, or another process's. */
  forget(id: SagaId): void {
    this.#made.delete(id);
  }

  judge(id: SagaId, attempt: StepAttempt): KeyVerdict {
    const { ages, keyRetentionMs } = this.#deps;
    const { byWall, bySteady, atLeast } = this.#age(id, attempt);
    if (atLeast > keyRetentionMs) return { kind: "too_old" };
    if (!this.#isOurs(id, attempt) && !ages.tells(attempt.firstAttemptAt)) {
      return {
        kind: "wait",
        reason: "the clock is behind the newest time in the store",
        forMs: ages.behindMs === 0 ? null : ages.behindMs,
      };
    }
    const wallSays = byWall > keyRetentionMs;
    const steadySays = bySteady > keyRetentionMs;
    if (wallSays && steadySays) return { kind: "too_old" };
    if (!wallSays && !steadySays) return { kind: "kept" };
    return {
      kind: "wait",
      reason: "the clock has jumped, or the machine was suspended",
      forMs: null,
    };
  }

  /** For how long, in ms, the provider still keeps the attempt's key; below 0: it may have forgotten it. */
  keyLeftMs(id: SagaId, attempt: StepAttempt): number {
    const { byWall, bySteady } = this.#age(id, attempt);
    return this.#deps.keyRetentionMs - Math.max(byWall, bySteady);
  }

  #age(id: SagaId, attempt: StepAttempt): Age {
    const { ages, clock } = this.#deps;
    const made = this.#made.get(id);
    if (made?.key === attempt.key) {
      const counted = clock.now() - made.at;
      return {
        byWall: ages.byWall(attempt.firstAttemptAt),
        bySteady: counted,
        atLeast: counted,
      };
    }
    return {
      byWall: ages.byWall(attempt.firstAttemptAt),
      bySteady: ages.bySteady(attempt.firstAttemptAt),
      atLeast: ages.openMs,
    };
  }

  #isOurs(id: SagaId, { key }: StepAttempt): boolean {
    return this.#made.get(id)?.key === key;
  }
}

/**
 * How old what is stored is, by two clocks, and whether that can be believed.
 *
 * Times are stored by the wall clock, which may be wrong and may be set. The monotonic clock is not set, but it knows
 * nothing of the time before this process, and it stands still while the machine is suspended. So neither alone tells
 * an age; what follows from it is the reader's to say: too old as soon as one of them says so, or only when both do.
 *
 * Invariants
 * - `earliest` and `latest` never go back: a jump of the wall clock never makes anything younger by `latest`, nor
 *   older by `earliest` than the monotonic clock has counted.
 * - The time for which no process ran counts in no age by `earliest`.
 *
 * Not promised: the truth. A clock that was wrong when a time was stored, and is right at the next start, cannot be
 * told from a process that was away.
 */
import type { Clock } from "@oms/lifecycle";

/** The wall clock is taken for set when it has moved against the monotonic one by more, between two looks, in ms. */
const JUMP_MS = 5_000;

export interface AgesDeps {
  readonly clock: Pick<Clock, "now" | "wallNow">;
  /** Epoch ms of the newest time in the store as it was opened; null when there is none. */
  readonly newestAt: number | null;
  /** Told of each jump, with how far it went in ms; below 0: back. */
  readonly jumped?: (byMs: number) => void;
}

export class Ages {
  readonly #clock: AgesDeps["clock"];
  readonly #jumped: NonNullable<AgesDeps["jumped"]>;
  readonly #newestAt: number;
  readonly #openedAt: number;
  /** What the wall clock is ahead of the monotonic one: at the last look, at least and at most so far. */
  #ahead: number;
  #least: number;
  #most: number;
  readonly #mostAtOpen: number;
  /** False: the clock was behind the store's newest time as this process began. */
  readonly #begunInOrder: boolean;

  constructor({ clock, newestAt, jumped }: AgesDeps) {
    this.#clock = clock;
    this.#jumped = jumped ?? (() => {});
    const now = clock.now();
    const wall = clock.wallNow();
    this.#openedAt = now;
    this.#newestAt = newestAt ?? -Infinity;
    this.#begunInOrder = wall >= this.#newestAt;
    this.#ahead = wall - now;
    this.#least = Math.min(wall, newestAt ?? wall) - now;
    this.#most = Math.max(wall, this.#newestAt) - now;
    this.#mostAtOpen = this.#most;
  }

  /** Compares the clocks. Whoever asks for a time does so, too; to notice jumps in time it has to be called often. */
  look(): void {
    const ahead = this.#clock.wallNow() - this.#clock.now();
    const byMs = ahead - this.#ahead;
    this.#ahead = ahead;
    this.#least = Math.min(this.#least, ahead);
    this.#most = Math.max(this.#most, ahead);
    if (Math.abs(byMs) > JUMP_MS) this.#jumped(byMs);
  }

  /** Whole epoch ms; what ends later may not have ended. */
  get earliest(): number {
    this.look();
    return Math.floor(this.#clock.now() + this.#least);
  }

  /** Whole epoch ms; what is stored to last from here on lasts, whichever clock is right. */
  get latest(): number {
    this.look();
    return Math.ceil(this.#clock.now() + this.#most);
  }

  /** Epoch ms; by so much the wall clock is behind the newest time that it found in the store. 0: it is not. */
  get behindMs(): number {
    return Math.max(0, this.#newestAt - this.#clock.wallNow());
  }

  /** ms for which this process has known the store: whatever it found is at least as old. */
  get openMs(): number {
    return this.#clock.now() - this.#openedAt;
  }

  /** Age by the wall clock, ms. */
  byWall(at: number): number {
    return this.#clock.wallNow() - at;
  }

  /**
   * Age, in ms, of what this process found in the store: as it was then, and what the monotonic clock has counted
   * since. If the clock was behind then, that is only the least, and a clock that has been put right knows better.
   */
  bySteady(at: number): number {
    const counted = this.#clock.now() + this.#mostAtOpen - at;
    return this.#begunInOrder ? counted : Math.max(counted, this.byWall(at));
  }

  /** False: the clock proves nothing about the age of what this process found, not even that it is young. */
  tells(at: number): boolean {
    const inOrder = this.#begunInOrder || this.behindMs === 0;
    return inOrder && (this.byWall(at) >= 0 || this.bySteady(at) >= 0);
  }
}

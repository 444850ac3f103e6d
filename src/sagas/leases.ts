/**
 * What keeps a saga this process's own while it runs, in a store that several processes share.
 *
 * Invariants
 * - A lease counts from the *sending* of the claim, or of the last renewal that the store has granted, on the
 *   monotonic clock: neither a slow answer nor a wall clock that is set makes it longer.
 * - At 2/3 of it the run is told to give up, so that its attempts are over before another process may take the
 *   saga; `over` asks the clock itself, because after a pause of the process timers come late.
 * - All held sagas are renewed in one write every third of a lease, one write at a time.
 * - With nothing held no timer is set.
 *
 * Not promised: that nobody else has the saga. The fence decides that, at each commit; a lease only spares the
 * work. In a store that one process locks a lease never ends.
 */
import {
  CancelScope,
  type CancelScopeOptions,
  type Clock,
  linkAbort,
  listenerErrorLog,
  type Timer,
} from "@oms/lifecycle";
import type { SagaId } from "../orders/ids.ts";
import type { Leases, Store } from "../storage/store.ts";
import { logFn, type Logger } from "../telemetry/logger.ts";
import { LeaseEndedError } from "./errors.ts";

/** One run's hold on its saga. Disposing it ends the renewals. */
export interface Lease extends Disposable {
  /** Aborted with the run's own signal, and when the lease is over. */
  readonly signal: AbortSignal;
  /** True once `signal` is aborted, or has to be by now. */
  readonly over: boolean;
  /** @param sentAt when the claim that was granted was sent first; monotonic ms */
  granted(id: SagaId, sentAt: number): void;
}

export interface LeaseKeeperDeps {
  readonly store: Pick<Store, "leases">;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly log: Logger;
}

type TimedLeases = Extract<Leases, { kind: "timed" }>;

export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #held = new Set<TimedLease>();
  #renewal: Timer | null = null;
  #renewing = false;

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
  }

  /** Sagas that are renewed. */
  get held(): number {
    return this.#held.size;
  }

  /** For one run. @param signal the run's own: give up now */
  open(signal: AbortSignal): Lease {
    const { store, clock, leaseMs, log } = this.#deps;
    const { leases } = store;
    if (leases.kind === "exclusive") return endless(signal);
    return new TimedLease(signal, clock, (2 * leaseMs) / 3, {
      begin: (lease) => {
        this.#held.add(lease);
        this.#arm(leases);
      },
      end: (lease) => {
        this.#held.delete(lease);
        if (this.#held.size === 0) this.#disarm();
      },
      lost: (id, why) =>
        log.warn("saga lease is over", { saga_id: id, reason: why }),
    }, { onListenerError: listenerErrorLog(logFn(log)) });
  }

  #arm(leases: TimedLeases): void {
    if (this.#renewal !== null || this.#held.size === 0) return;
    const { clock, leaseMs } = this.#deps;
    this.#renewal = clock.after(leaseMs / 3, () => {
      this.#renewal = null;
      this.#arm(leases);
      this.#renew(leases);
    }, { unref: true });
  }

  #disarm(): void {
    this.#renewal?.cancel();
    this.#renewal = null;
  }

  async #renew(leases: TimedLeases): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const { clock, leaseMs, log } = this.#deps;
    const asked = [...this.#held].map((lease) => ({ lease, id: lease.id }));
    const sentAt = clock.now();
    try {
      const lost = new Set(
        await leases.renew(asked.map(({ id }) => id), leaseMs),
      );
      for (const { lease, id } of asked) {
        // Released or over meanwhile: an answer changes nothing any more.
        if (!this.#held.has(lease)) continue;
        if (lost.has(id)) lease.lose("another process has taken it over");
        else lease.renewed(sentAt);
      }
    } catch (error) {
      // The next one may come in time; each lease ends by itself if none does.
      log.warn("saga leases not renewed", { sagas: asked.length, error });
    } finally {
      this.#renewing = false;
    }
  }
}

function endless(signal: AbortSignal): Lease {
  return {
    signal,
    get over() {
      return signal.aborted;
    },
    granted: () => {},
    [Symbol.dispose]: () => {},
  };
}

interface Registry {
  begin(lease: TimedLease): void;
  end(lease: TimedLease): void;
  lost(id: SagaId, why: string): void;
}

class TimedLease implements Lease {
  readonly #scope: CancelScope;
  readonly #link: Disposable;
  readonly #clock: Clock;
  readonly #goodMs: number;
  readonly #registry: Registry;
  #id: SagaId | null = null;
  #goodUntil = Infinity;
  #end: Timer | null = null;

  constructor(
    signal: AbortSignal,
    clock: Clock,
    goodMs: number,
    registry: Registry,
    scopes: CancelScopeOptions,
  ) {
    this.#scope = new CancelScope("lease", scopes);
    this.#link = linkAbort(signal, this.#scope);
    this.#clock = clock;
    this.#goodMs = goodMs;
    this.#registry = registry;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get over(): boolean {
    if (this.#clock.now() >= this.#goodUntil) {
      this.lose("it was not renewed in time");
    }
    return this.#scope.aborted;
  }

  /** What is held. @throws Error before `granted`: there is nothing yet that could be renewed or lost */
  get id(): SagaId {
    if (this.#id === null) throw new Error("Nothing has been granted yet");
    return this.#id;
  }

  granted(id: SagaId, sentAt: number): void {
    this.#id = id;
    this.#goodUntil = sentAt + this.#goodMs;
    if (this.over) return;
    this.#registry.begin(this);
    this.#watch();
  }

  renewed(sentAt: number): void {
    this.#goodUntil = sentAt + this.#goodMs;
    this.#end?.cancel();
    this.#watch();
  }

  lose(why: string): void {
    if (!this.#scope.aborted) this.#registry.lost(this.id, why);
    this.#scope.abort(new LeaseEndedError(this.id, why));
    this.#settle();
  }

  [Symbol.dispose](): void {
    this.#settle();
    this.#link[Symbol.dispose]();
    this.#scope[Symbol.dispose]();
  }

  #watch(): void {
    const left = this.#goodUntil - this.#clock.now();
    this.#end = this.#clock.after(left, () => void this.over, { unref: true });
  }

  #settle(): void {
    if (this.#end === null) return;
    this.#end.cancel();
    this.#end = null;
    this.#registry.end(this);
  }
}

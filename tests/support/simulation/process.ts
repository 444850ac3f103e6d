/** One process of a history: the engine and the commands over simulated ports, its start and its stop. */
import { type Clock, Deadline, StopError } from "@oms/lifecycle";
import type { Providers } from "../../../src/providers/provider.ts";
import type { MemoryState } from "../../../src/storage/memory.ts";
import { longestDelayMs } from "../../../src/sagas/backoff.ts";
import type { Store } from "../../../src/storage/store.ts";
import { type SagaProcess, wireProcess } from "../saga_process.ts";
import { SimClock } from "./clock.ts";
import { LEASE_MS } from "./lease.ts";
import type { SimProviders } from "./providers.ts";
import type { Place, Scheduler } from "./scheduler.ts";
import { simStore, type StoreWorld } from "./store.ts";

/** ms that running sagas are given at a stop, and then to hand themselves back. */
const DRAIN_MS = 3_000;
const HAND_BACK_MS = 250;
/** Quick, so that a history has many tries. */
const RETRY = { baseMs: 20, maxMs: 2_000 };

/** So long a process takes a forgetful provider to keep keys, ms. */
const RETENTION_MS = 50_000;

/** A wrong engine: what its wrong code would do differently is done at its ports. */
export interface Mutant {
  clock?(clock: SimClock): Clock;
  store?(store: Store, state: MemoryState): Store;
  providers?(providers: Providers): Providers;
}

export interface ProcessWorld {
  readonly scheduler: Scheduler;
  readonly store: StoreWorld;
  readonly providers: SimProviders;
  readonly mutant: Mutant;
  readonly errors: string[];
  readonly concurrency: number;
  readonly forgetful: boolean;
}

export class SimProcess {
  readonly place: Place;
  readonly clock: SimClock;
  readonly engine: SagaProcess;
  /** Takes calls. */
  serving = false;
  readonly #world: ProcessWorld;

  /** @param wallOffset of its clock as it begins, ms */
  constructor(world: ProcessWorld, name: string, wallOffset: number) {
    const { scheduler, mutant, errors } = world;
    this.#world = world;
    this.place = scheduler.begin(name);
    this.clock = new SimClock(scheduler, this.place);
    this.clock.wallOffset = wallOffset;
    const store = simStore(world.store, this.place);
    const providers = world.providers.from(this.place, this.clock);
    this.engine = wireProcess({
      owner: name,
      clock: mutant.clock?.(this.clock) ?? this.clock,
      newestAt: world.store.state.newestAt(),
      store: mutant.store?.(store, world.store.state) ?? store,
      providers: mutant.providers?.(providers) ?? providers,
      overBacklog: () => false,
      ended: () => {},
      error: (line) => errors.push(line),
    }, {
      concurrency: world.concurrency,
      random: () => scheduler.random.next(),
      retry: RETRY,
      leaseMs: LEASE_MS,
      ...(world.forgetful ? { keyRetentionMs: RETENTION_MS } : {}),
      scanIntervalMs: 1_000,
      maxPostponeMs: longestDelayMs(RETRY, 0),
    });
  }

  /** @param failed called when the store refuses the first look at the table: a failed start */
  start(failed: () => void): void {
    this.engine.dispatcher.start().then(() => this.serving = true, failed);
  }

  /**
   * As src/app/phases.ts stops it; resolves when the store may be closed.
   * @param drainMs 0: forced
   */
  async stop(drainMs = DRAIN_MS): Promise<void> {
    const { dispatcher, group, scope, results } = this.engine;
    const { random } = this.#world.scheduler;
    this.serving = false;
    await this.clock.sleep(random.pick([0, 0, 100]));
    dispatcher.close();
    const reason = new StopError({ kind: "signal", signal: "SIGTERM" });
    const within = (ms: number) => group.join(Deadline.from(this.clock, ms));
    try {
      await within(drainMs);
    } catch {
      scope.abort(reason);
      await within(HAND_BACK_MS).catch(() => {});
    }
    results.abort(reason);
  }
}

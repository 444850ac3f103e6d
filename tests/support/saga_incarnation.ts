/** One process of a SagaWorld, over a store that a test may fail. */
import { type Clock, StopError } from "@oms/lifecycle";
import type { LogFields } from "@oms/lifecycle";
import type { Saga } from "../../src/orders/saga.ts";
import type { Providers } from "../../src/providers/provider.ts";
import { type MemoryState, MemoryStore } from "../../src/storage/memory.ts";
import type { ChangeSet } from "../../src/storage/store.ts";
import {
  type EngineOptions,
  type SagaProcess,
  wireProcess,
} from "./saga_process.ts";
import { checkChange, checkHolders, type Holders } from "./saga_verdict.ts";

export interface WorldOptions extends EngineOptions {
  readonly clock?: Clock;
  /** Numbers of the edges at which the incarnation dies. */
  readonly crashAt?: readonly number[];
}

/** What a test may bend. Null: as it is. */
export interface Faults {
  commit: ((change: ChangeSet) => Error | null) | null;
  read:
    | ((method: "order" | "saga" | "nextSaga" | "dueSagas") => Error | null)
    | null;
  overBacklog: boolean;
}

/** One process. */
export interface Incarnation extends SagaProcess {
  die(): void;
}

/** What a process works on, and what its world wants to hear of. */
export interface Surroundings {
  readonly clock: Clock;
  readonly state: MemoryState;
  readonly providers: Providers;
  readonly faults: Faults;
  readonly holders: Holders;
  readonly violations: string[];
  readonly errors: string[];
  readonly told: LogFields[];
  edge(name: string): void;
  ended(saga: Saga): void;
}

/** A store whose reads a test may fail. */
class FaultyStore extends MemoryStore {
  readonly #faults: Faults;

  constructor(
    state: MemoryState,
    owner: string,
    options: ConstructorParameters<typeof MemoryStore>[2],
    faults: Faults,
  ) {
    super(state, owner, options);
    this.#faults = faults;
  }

  override order(...args: Parameters<MemoryStore["order"]>) {
    return this.#failed("order") ?? super.order(...args);
  }
  override saga(...args: Parameters<MemoryStore["saga"]>) {
    return this.#failed("saga") ?? super.saga(...args);
  }
  override nextSaga(...args: Parameters<MemoryStore["nextSaga"]>) {
    return this.#failed("nextSaga") ?? super.nextSaga(...args);
  }
  override dueSagas(...args: Parameters<MemoryStore["dueSagas"]>) {
    return this.#failed("dueSagas") ?? super.dueSagas(...args);
  }

  #failed(method: Parameters<NonNullable<Faults["read"]>>[0]) {
    const error = this.#faults.read?.(method) ?? null;
    return error === null ? null : Promise.reject(error);
  }
}

export function incarnate(
  world: Surroundings,
  owner: string,
  options: WorldOptions,
): Incarnation {
  const { clock, state, faults } = world;
  const store = new FaultyStore(state, owner, {
    hooks: {
      beforeCommit: (change) => {
        const error = faults.commit?.(change) ?? null;
        if (error !== null) throw error;
        world.edge("before commit");
        checkChange(state, change, world.violations);
      },
      afterCommit: (change) => {
        checkHolders(world.holders, change, world.violations);
        world.edge("after commit");
      },
    },
  }, faults);
  const process = wireProcess({
    owner,
    clock,
    store,
    newestAt: state.newestAt(),
    providers: world.providers,
    overBacklog: () => faults.overBacklog,
    ended: (saga) => world.ended(saga),
    error: (line) => world.errors.push(line),
    told: (msg, fields) => world.told.push({ msg, ...fields }),
  }, options);
  return {
    ...process,
    die: () => {
      const reason = new StopError({ kind: "requested", by: "a crash" });
      store.crash();
      process.dispatcher.close();
      process.scope.abort(reason);
      process.results.abort(reason);
    },
  };
}

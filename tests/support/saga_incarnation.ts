/** One process of a SagaWorld: store handle, runner, dispatcher and commands, wired as the service wires them. */
import { CancelScope, type Clock, StopError, TaskGroup } from "@oms/lifecycle";
import {
  type CommandDeps,
  OrderCommands,
} from "../../src/commands/order_commands.ts";
import type { Saga } from "../../src/orders/saga.ts";
import type { Providers } from "../../src/providers/provider.ts";
import { SagaDispatcher } from "../../src/sagas/dispatcher.ts";
import { SagaRunner } from "../../src/sagas/runner.ts";
import { type MemoryState, MemoryStore } from "../../src/storage/memory.ts";
import type { ChangeSet, Store } from "../../src/storage/store.ts";
import { type LogFields, silentLogger } from "../../src/telemetry/logger.ts";
import { checkChange, checkHolders, type Holders } from "./saga_verdict.ts";

/** As OMS_SAGA_LEASE. */
const LEASE_MS = 10_000;

export interface WorldOptions {
  readonly clock?: Clock;
  readonly concurrency?: number;
  /** In [0, 1): jitter of the back-off. */
  readonly random?: () => number;
  readonly retry?: { readonly baseMs: number; readonly maxMs: number };
  readonly keyRetentionMs?: number;
  readonly stuckAfterMs?: number;
  readonly scanIntervalMs?: number;
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
export interface Incarnation {
  readonly owner: string;
  readonly store: Store;
  readonly runner: SagaRunner;
  readonly dispatcher: SagaDispatcher;
  readonly commands: OrderCommands;
  readonly group: TaskGroup;
  readonly scope: CancelScope;
  readonly results: CancelScope;
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
  const scope = new CancelScope(owner);
  const stopping = new CancelScope(`${owner} stopping`);
  const results = new CancelScope(`${owner} results`);
  const group = new TaskGroup({
    name: "sagas",
    clock,
    scope,
    stopping: stopping.signal,
  });
  const log = {
    ...silentLogger,
    error: (msg: string, fields?: LogFields) => {
      // A misconfigured provider is an error to an operator, not of the engine.
      if (msg === "saga step postponed") return;
      world.errors.push(`${msg}: ${fields?.error}`);
    },
  };
  let commits = 0;
  const newCommitId = () => `${owner}-${++commits}`;
  const observer = {
    claimed: () => {},
    step: () => {},
    changed: () => {},
    ended: (saga: Saga) => world.ended(saga),
    active: () => {},
  };
  const runner = new SagaRunner({
    store,
    providers: world.providers,
    clock,
    owner,
    newCommitId,
    leaseMs: LEASE_MS,
    retry: {
      baseMs: options.retry?.baseMs ?? 50,
      maxMs: options.retry?.maxMs ?? 30_000,
      random: options.random ?? (() => 0.5),
    },
    keyRetentionMs: options.keyRetentionMs ?? 23 * 3_600_000,
    stuckAfterMs: options.stuckAfterMs ?? 300_000,
    resultsUntil: results.signal,
    observer,
    log,
  });
  const dispatcher = new SagaDispatcher({
    store,
    runner,
    group,
    clock,
    concurrency: options.concurrency ?? 16,
    scanIntervalMs: options.scanIntervalMs ?? 1_000,
    observer,
    log,
  });
  const deps: CommandDeps = {
    store,
    clock,
    newCommitId,
    answerTtlMs: 24 * 3_600_000,
    overBacklog: () => faults.overBacklog,
    acceptingSagas: () => dispatcher.open,
    accepted: (_change, saga) => {
      if (saga !== null) dispatcher.offer(saga);
    },
  };
  return {
    owner,
    store,
    runner,
    dispatcher,
    commands: new OrderCommands(deps),
    group,
    scope,
    results,
    die: () => {
      const reason = new StopError({ kind: "requested", by: "a crash" });
      store.crash();
      dispatcher.close();
      scope.abort(reason);
      results.abort(reason);
    },
  };
}

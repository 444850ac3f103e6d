/** The saga engine of this process: runner, dispatcher, and the scopes that the stop aborts. */
import { type CancelScope, TaskGroup } from "@oms/lifecycle";
import { v7 as uuidv7 } from "uuid";
import type { OrderChange } from "../orders/edit.ts";
import { MAX_RETRY_AFTER_MS } from "../providers/interpret.ts";
import type { Providers } from "../providers/mod.ts";
import { type BackoffOptions, longestDelayMs } from "../sagas/backoff.ts";
import { SagaDispatcher } from "../sagas/dispatcher.ts";
import { SagaRunner } from "../sagas/runner.ts";
import type { Ages } from "../storage/ages.ts";
import type { Store } from "../storage/store.ts";
import { sagaObserver } from "./observers.ts";
import type { ServiceContext } from "./service.ts";

/** How long the dispatcher leaves the table alone when nothing wakes it, in ms. */
const SAGA_SCAN_MS = 1_000;

export interface SagaEngine {
  readonly dispatcher: SagaDispatcher;
  readonly sagas: TaskGroup;
  /** Ends the wait of known results for a store that is unavailable. */
  readonly resultScope: CancelScope;
}

export interface EngineParts {
  readonly store: Store;
  readonly ages: Ages;
  readonly providers: Providers;
  /** This incarnation. */
  readonly owner: string;
  /** Told of each change that a saga has committed. */
  readonly committed: (change: OrderChange) => void;
}

export function buildSagaEngine(
  { lifecycle, config, clock, metrics, logger }: ServiceContext,
  { store, ages, providers, owner, committed }: EngineParts,
): SagaEngine {
  const log = logger.child({ component: "sagas" });
  const startedAt = clock.wallNow();
  const observer = sagaObserver(metrics, { owner, startedAt }, committed);
  const resultScope = lifecycle.hard.child("results");
  const sagas = new TaskGroup({
    name: "sagas",
    clock,
    scope: lifecycle.hard,
    stopping: lifecycle.stopping,
    onTaskError: ({ task, error }) =>
      log.error("saga task failed", { task, error }),
  });
  const retry: BackoffOptions = {
    baseMs: config.sagas.retryBaseMs,
    maxMs: config.sagas.retryMaxMs,
    random: Math.random,
  };
  const runner = new SagaRunner({
    store,
    providers,
    clock,
    ages,
    owner,
    newCommitId: uuidv7,
    leaseMs: config.sagas.leaseMs,
    retry,
    keyRetentionMs: config.providers.keyRetentionMs,
    stuckAfterMs: config.sagas.stuckAfterMs,
    resultsUntil: resultScope.signal,
    observer,
    log,
  });
  const dispatcher = new SagaDispatcher({
    store,
    group: sagas,
    clock,
    concurrency: config.sagas.concurrency,
    scanIntervalMs: SAGA_SCAN_MS,
    maxPostponeMs: longestDelayMs(retry, MAX_RETRY_AFTER_MS),
    observer,
    log,
    runner,
  });
  return { dispatcher, sagas, resultScope };
}

/** Runner, dispatcher and commands of one process over the ports that it is given, wired as the service wires them. */
import { CancelScope, type Clock, TaskGroup } from "@oms/lifecycle";
import { OrderCommands } from "../../src/commands/order_commands.ts";
import type { Saga } from "../../src/orders/saga.ts";
import { MAX_RETRY_AFTER_MS } from "../../src/providers/interpret.ts";
import type { Providers } from "../../src/providers/provider.ts";
import {
  type BackoffOptions,
  longestDelayMs,
} from "../../src/sagas/backoff.ts";
import { SagaDispatcher } from "../../src/sagas/dispatcher.ts";
import { SagaRunner } from "../../src/sagas/runner.ts";
import { Ages } from "../../src/storage/ages.ts";
import type { Store } from "../../src/storage/store.ts";
import { type LogFields, silentLogger } from "../../src/telemetry/logger.ts";

export interface EngineOptions {
  readonly concurrency?: number;
  /** In [0, 1): jitter of the back-off. */
  readonly random?: () => number;
  readonly retry?: { readonly baseMs: number; readonly maxMs: number };
  readonly leaseMs?: number;
  readonly keyRetentionMs?: number;
  readonly stuckAfterMs?: number;
  readonly scanIntervalMs?: number;
  readonly maxPostponeMs?: number;
}

/** What a process works on, and what its world wants to hear of. */
export interface ProcessPorts {
  readonly owner: string;
  readonly clock: Clock;
  readonly store: Store;
  /** Of the store as the process opens it. */
  readonly newestAt: number | null;
  readonly providers: Providers;
  overBacklog(): boolean;
  ended(saga: Saga): void;
  /** Error lines of the log. */
  error(line: string): void;
  /** Those that tell an operator of a saga in trouble. */
  told?(msg: string, fields?: LogFields): void;
}

/** A misconfigured provider and a parked saga are no errors of the engine. */
const FOR_OPERATORS = [
  "saga step postponed",
  "saga parked, it needs an operator",
];

export interface SagaProcess {
  readonly owner: string;
  readonly store: Store;
  readonly runner: SagaRunner;
  readonly dispatcher: SagaDispatcher;
  readonly commands: OrderCommands;
  readonly group: TaskGroup;
  readonly scope: CancelScope;
  readonly results: CancelScope;
}

export function wireProcess(
  { owner, clock, store, newestAt, providers, overBacklog, ended, error, told }:
    ProcessPorts,
  options: EngineOptions,
): SagaProcess {
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
    info: (msg: string, fields?: LogFields) => told?.(msg, fields),
    error: (msg: string, fields?: LogFields) => {
      if (FOR_OPERATORS.includes(msg)) told?.(msg, fields);
      else error(`${msg}: ${fields?.error}`);
    },
  };
  let commits = 0;
  const newCommitId = () => `${owner}-${++commits}`;
  const observer = {
    claimed: () => {},
    step: () => {},
    held: () => {},
    unknownVersions: () => {},
    changed: () => {},
    ended,
    active: () => {},
  };
  const retry: BackoffOptions = {
    baseMs: options.retry?.baseMs ?? 50,
    maxMs: options.retry?.maxMs ?? 30_000,
    random: options.random ?? (() => 0.5),
  };
  const ages = new Ages({ clock, newestAt });
  const runner = new SagaRunner({
    store,
    providers,
    clock,
    ages,
    owner,
    newCommitId,
    leaseMs: options.leaseMs ?? 10_000,
    retry,
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
    maxPostponeMs: options.maxPostponeMs ??
      longestDelayMs(retry, MAX_RETRY_AFTER_MS),
    observer,
    log,
  });
  const commands = new OrderCommands({
    store,
    clock,
    ages,
    newCommitId,
    answerTtlMs: 24 * 3_600_000,
    overBacklog,
    acceptingSagas: () => dispatcher.open,
    accepted: (_change, saga) => {
      if (saga !== null) dispatcher.offer(saga);
    },
  });
  return {
    owner,
    store,
    runner,
    dispatcher,
    commands,
    group,
    scope,
    results,
  };
}

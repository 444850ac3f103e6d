/**
 * The phases of the stop, in order, as docs/architecture.md draws them.
 *
 * What each budget's end means: grpc answers UNAVAILABLE to what still runs; sagas are aborted and handed back;
 * everything after that is durable or a convenience, and only warned about.
 */
import {
  type CancelScope,
  type Clock,
  Deadline,
  drainPhase,
  END_ACTION_MS,
  type PendingTask,
  type Phase,
  StopError,
  type TaskGroup,
} from "@oms/lifecycle";
import type { ShutdownConfig } from "../config/types.ts";
import type { OutboxRelay, Publisher } from "../events/mod.ts";
import type { GrpcEdge } from "../grpc/edge.ts";
import type { HttpServer } from "../http/server.ts";
import type { SagaDispatcher } from "../sagas/dispatcher.ts";
import type { Store } from "../storage/store.ts";

/** Milliseconds, from the environment. */
type StopBudgets = Omit<ShutdownConfig, "terminationLog" | "watchdog">;

export interface StopParts {
  readonly clock: Clock;
  readonly edge: GrpcEdge;
  readonly dispatcher: SagaDispatcher;
  readonly sagas: TaskGroup;
  /** Hard scopes: aborted when their phase's budget ends, or all at once by a further signal. */
  readonly grpcScope: CancelScope;
  readonly httpScope: CancelScope;
  readonly relay: OutboxRelay;
  /** The relay's loop and the clean-up. */
  readonly loops: TaskGroup;
  readonly http: HttpServer;
  readonly publisher: Publisher;
  readonly closeProviders: () => Promise<void>;
  readonly store: Store;
  /** Ends the wait of known results for a store that is unavailable. */
  readonly resultScope: CancelScope;
  /** Keeps the report so far in the store. */
  readonly keepReport: () => Promise<void>;
}

export function stopPhases(parts: StopParts, budgets: StopBudgets): Phase[] {
  return [
    unready(parts, budgets.lameDuckMs),
    grpc(parts, budgets.grpcMs),
    sagas(parts, budgets.sagasMs),
    outbox(parts, budgets.outboxMs),
    http(parts, budgets.httpMs),
    {
      name: "kafka",
      budgetMs: budgets.kafkaMs,
      message: "kafka closed",
      stage: "close",
      run: async () => {
        await parts.publisher.close();
        return { publisher: parts.publisher.kind };
      },
    },
    {
      name: "store",
      budgetMs: budgets.storeMs,
      message: "store closed",
      stage: "close",
      cutOff: true,
      run: async () => {
        parts.resultScope.abort(stopped("the store is closing"));
        // Side by side: providers that hang or fail here cannot keep the store open.
        const closed = Promise.try(parts.closeProviders);
        const kept = keepAndClose(parts.store, parts.keepReport);
        await Promise.allSettled([closed, kept]);
        await kept;
        await closed;
      },
    },
  ];
}

/** The last thing that is done with the store; what comes after it cannot be on record. */
export async function keepAndClose(
  store: Store,
  keepReport: () => Promise<void>,
): Promise<void> {
  try {
    await keepReport();
  } finally {
    await store.close();
  }
}

function unready({ edge }: StopParts, lameDuckMs: number): Phase {
  return {
    name: "unready",
    budgetMs: lameDuckMs,
    message: "readiness off",
    announce: "start",
    untilBudget: lameDuckMs > 0,
    run: async (signal) => {
      edge.setServing(false);
      if (lameDuckMs > 0) await edge.drainConnections(lameDuckMs, signal);
    },
  };
}

function grpc({ edge, grpcScope }: StopParts, budgetMs: number): Phase {
  const cut = onceAborted(grpcScope, () => edge.force());
  return {
    name: "grpc",
    budgetMs,
    message: "grpc stopped",
    cutOff: true,
    scope: grpcScope,
    run: async (signal) => {
      const inflight = edge.inflight;
      await edge.stopGracefully(signal);
      grpcScope[Symbol.dispose]();
      return { inflight };
    },
    atDeadline: async () => ({ cut_off: (await cut()).length }),
    leftover: () => runningCalls(edge),
  };
}

function http({ http, httpScope }: StopParts, budgetMs: number): Phase {
  const cut = onceAborted(httpScope, () => http.abort());
  return {
    name: "http",
    budgetMs,
    message: "http stopped",
    stage: "close",
    scope: httpScope,
    run: async () => {
      await http.stop();
      httpScope[Symbol.dispose]();
    },
    atDeadline: cut,
  };
}

/**
 * Runs `cut` once, when the scope is aborted or when asked; whoever asks gets that one result. Its failure is told
 * to who asks: nobody else can do anything about it.
 */
function onceAborted<T>(
  scope: CancelScope,
  cut: () => Promise<T>,
): () => Promise<T> {
  let running: Promise<T> | null = null;
  const once = () => running ??= cut();
  scope.onAbort(() => void once().catch(() => {}));
  return once;
}

function sagas(parts: StopParts, budgetMs: number): Phase {
  const { sagas, dispatcher, clock } = parts;
  // At its end aborted sagas hand themselves back; one that does not is free for the next owner all the same.
  const drain = drainPhase(sagas, { budgetMs, clock });
  return {
    ...drain,
    run: async (signal, deadline) => {
      const details = {
        running: dispatcher.running,
        handed_over: dispatcher.queued,
      };
      dispatcher.close();
      await drain.run(signal, deadline);
      return details;
    },
  };
}

function outbox({ relay, loops }: StopParts, budgetMs: number): Phase {
  return {
    name: "outbox",
    budgetMs,
    message: "outbox flushed",
    run: async (signal, deadline) => {
      const left = await relay.flush(signal);
      await endLoops(loops, deadline);
      return { ...left };
    },
    atDeadline: async () => {
      loops.abort(stopped("the outbox phase has ended"));
      const { pending } = relay.backlog();
      return await Promise.resolve({ pending });
    },
  };
}

/** The loops end by their hard signal: the relay's has nothing to publish any more, the clean-up can wait. */
async function endLoops(loops: TaskGroup, deadline: Deadline): Promise<void> {
  loops.abort(stopped("the outbox is flushed"));
  await loops.join(deadline);
}

/** What a forced stop has to do with. */
export interface ForcedParts
  extends Pick<StopParts, "clock" | "sagas" | "keepReport"> {
  readonly edge: Pick<GrpcEdge, "force">;
  readonly dispatcher: Pick<SagaDispatcher, "close">;
}

/**
 * A further signal has aborted the hard tree: calls are being answered UNAVAILABLE and aborted sagas hand themselves
 * back. Waits for both and keeps the report; bounded by the lifecycle's FORCE_MS, and durable all the same.
 */
export async function forceStop(parts: ForcedParts): Promise<void> {
  const { edge, dispatcher, sagas, clock } = parts;
  dispatcher.close();
  await Promise.allSettled([
    edge.force(),
    sagas.join(Deadline.from(clock, END_ACTION_MS)),
  ]);
  await parts.keepReport();
}

/** The reason of an abort that belongs to the stop's own order. */
function stopped(why: string): StopError {
  return new StopError({ kind: "requested", by: "stop" }, why);
}

/** Running handlers as tasks of the report. */
export function runningCalls(edge: GrpcEdge): PendingTask[] {
  return edge.calls()
    .filter((call) => call.state === "running")
    .map((call) => ({
      name: `grpc/${call.method}`,
      ageMs: call.ageMs,
      stepAgeMs: call.ageMs,
      labels: { correlation_id: call.correlationId },
    }));
}

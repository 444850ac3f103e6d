/**
 * Every metric of the contract, as typed handles.
 *
 * Invariants: one registry per `createMetrics`, nothing global; names and
 * labels are the contract's; every series of a closed label set exists from the
 * start at 0, so that rates and alerts see the first increase; durations are
 * seconds. Not promised: consistency between two metrics of one scrape.
 */
import {
  LIFECYCLE_STATES as STATES,
  type LifecycleState,
} from "@oms/lifecycle";
import { type ClockMetrics, createClockMetrics } from "./clock_metrics.ts";
import { createEdgeMetrics, type EdgeMetrics } from "./edge_metrics.ts";
import { createGrpcMetrics, type GrpcMetrics } from "./grpc_metrics.ts";
import { createHttpMetrics, type HttpMetrics } from "./http_metrics.ts";
import { type Counter, type Histogram, Instruments } from "./instruments.ts";
import { createProcessMetrics } from "./process_metrics.ts";
import {
  createLastShutdownMetrics,
  createShutdownMetrics,
  type LastShutdownMetrics,
  type ShutdownMetrics,
} from "./shutdown_metrics.ts";
import {
  createIdempotencyMetrics,
  createOutboxMetrics,
  createProviderMetrics,
  createSagaMetrics,
  type IdempotencyMetrics,
  type OutboxMetrics,
  type ProviderMetrics,
  type SagaMetrics,
} from "./work_metrics.ts";

export type * from "./clock_metrics.ts";
export * from "./grpc_metrics.ts";
export type * from "./http_metrics.ts";
export * from "./instruments.ts";
export type * from "./shutdown_metrics.ts";
export type * from "./work_metrics.ts";

/** What the build is. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  /** As `deno 2.8.3`. */
  readonly runtime: string;
}

/** All metrics of a process. */
export interface Metrics extends Disposable {
  readonly grpc: GrpcMetrics;
  readonly http: HttpMetrics;
  readonly edge: EdgeMetrics;
  readonly saga: SagaMetrics;
  /** Timeline entries written. */
  readonly timelineEvents: Counter;
  readonly outbox: OutboxMetrics;
  readonly idempotency: IdempotencyMetrics;
  readonly provider: ProviderMetrics;
  readonly clock: ClockMetrics;
  /** From hand-over to COMMIT returned. */
  readonly store: { readonly commitDuration: Histogram };
  readonly shutdown: ShutdownMetrics;
  readonly lastShutdown: LastShutdownMetrics;
  readonly logLinesDropped: Counter;
  /** Marks the present state; all others go to 0. */
  setLifecycleState(state: LifecycleState): void;
  setBuildInfo(info: BuildInfo): void;
  /** Prometheus text. */
  render(): Promise<string>;
  /** Stops the timers. `render` still works. */
  [Symbol.dispose](): void;
}

/** Registers all metrics in a registry of their own. */
export function createMetrics(): Metrics {
  const make = new Instruments();
  const lag = createProcessMetrics(make);
  const buildInfo = make.labeledGauge<{
    readonly version: string;
    readonly commit: string;
    readonly runtime: string;
  }>("oms_build_info", "1, with what runs as labels.", [
    "version",
    "commit",
    "runtime",
  ]);
  const lifecycle = make.labeledGauge<{ readonly state: string }>(
    "oms_lifecycle_state",
    "1 for the present state of the process, 0 for all others.",
    ["state"],
  );
  const setLifecycleState = (state: LifecycleState) => {
    for (const each of STATES) {
      lifecycle.set({ state: each }, each === state ? 1 : 0);
    }
  };
  setLifecycleState("Starting");
  return {
    grpc: createGrpcMetrics(make),
    http: createHttpMetrics(make),
    edge: createEdgeMetrics(make),
    saga: createSagaMetrics(make),
    timelineEvents: make.counter(
      "oms_timeline_events_total",
      "Timeline entries written.",
    ),
    outbox: createOutboxMetrics(make),
    idempotency: createIdempotencyMetrics(make),
    provider: createProviderMetrics(make),
    clock: createClockMetrics(make),
    store: {
      commitDuration: make.histogram(
        "oms_store_commit_duration_seconds",
        "Time from a change set's hand-over until its COMMIT returned.",
      ),
    },
    shutdown: createShutdownMetrics(make),
    lastShutdown: createLastShutdownMetrics(make),
    logLinesDropped: make.counter(
      "oms_log_lines_dropped_total",
      "Log lines lost because stdout was blocked or closed.",
    ),
    setLifecycleState,
    setBuildInfo: ({ version, commit, runtime }) => {
      buildInfo.reset();
      buildInfo.set({ version, commit, runtime }, 1);
    },
    render: () => make.render(),
    [Symbol.dispose]: () => lag.stop(),
  };
}

/**
 * What the gRPC edge holds and turns away.
 *
 * Invariant: what is refused here was not looked at. Not promised: calls that a use case refuses (a full outbox, say):
 * they are in grpc_server_handled_total alone.
 */
import type {
  Counter,
  Gauge,
  Instruments,
  LabeledCounter,
} from "./instruments.ts";

/** Connections of the gRPC port. */
export interface ConnectionMetrics {
  readonly open: Gauge;
  readonly refused: Counter;
  /** 1: new ones are accepted. */
  readonly accepting: Gauge;
}

/** Why a call was turned away. */
export type RefusedCall = { readonly cause: "too_many" | "expired" };

/** The edge's metrics. */
export interface EdgeMetrics {
  readonly connections: ConnectionMetrics;
  /** Handlers that run. */
  readonly openCalls: Gauge;
  readonly refusedCalls: LabeledCounter<RefusedCall>;
}

/** Registers the oms_grpc_* metrics. */
export function createEdgeMetrics(make: Instruments): EdgeMetrics {
  const accepting = make.gauge(
    "oms_grpc_accepting",
    "1 while the gRPC port accepts connections, 0 while it does not.",
  );
  accepting.set(1);
  const refusedCalls = make.labeledCounter<RefusedCall>(
    "oms_grpc_refused_calls_total",
    "Calls that were turned away before anything was done for them.",
    ["cause"],
  );
  for (const cause of ["too_many", "expired"] as const) {
    refusedCalls.inc({ cause }, 0);
  }
  return {
    openCalls: make.gauge(
      "oms_grpc_open_calls",
      "Calls whose handler runs, also when their caller has gone.",
    ),
    refusedCalls,
    connections: {
      open: make.gauge(
        "oms_grpc_connections_open",
        "Connections of the gRPC port that are open.",
      ),
      refused: make.counter(
        "oms_grpc_connections_refused_total",
        "Connections that were closed at once because there were too many.",
      ),
      accepting,
    },
  };
}

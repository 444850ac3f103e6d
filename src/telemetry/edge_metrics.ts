/**
 * What the gRPC edge holds and turns away.
 *
 * Invariant: what is refused here has cost no more than its headers. Not promised: calls that a handler refuses (a
 * full outbox, say): they are in grpc_server_handled_total alone.
 */
import type { Counter, Gauge, Instruments } from "./instruments.ts";

/** Connections of the gRPC port. */
export interface ConnectionMetrics {
  readonly open: Gauge;
  readonly refused: Counter;
  /** 1: new ones are accepted. */
  readonly accepting: Gauge;
}

/** The edge's metrics. */
export interface EdgeMetrics {
  readonly connections: ConnectionMetrics;
}

/** Registers the oms_grpc_* metrics. */
export function createEdgeMetrics(make: Instruments): EdgeMetrics {
  const accepting = make.gauge(
    "oms_grpc_accepting",
    "1 while the gRPC port accepts connections, 0 while it does not.",
  );
  accepting.set(1);
  return {
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

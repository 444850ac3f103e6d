/** Connections to the HTTP port. Invariant: causes are a closed set, each there from the start at 0. */
import type { Gauge, Instruments, LabeledCounter } from "./instruments.ts";

/** Why a connection was closed that its client would have left open. */
const HTTP_CLOSE_CAUSES = ["limit", "first_request", "idle"] as const;

export type HttpCloseCause = typeof HTTP_CLOSE_CAUSES[number];

/** oms_http_*. */
export interface HttpMetrics {
  readonly open: Gauge;
  readonly closed: LabeledCounter<{ readonly cause: HttpCloseCause }>;
}

/** Registers oms_http_*. */
export function createHttpMetrics(make: Instruments): HttpMetrics {
  const open = make.gauge(
    "oms_http_connections_open",
    "Connections to the HTTP port.",
  );
  const closed = make.labeledCounter<{ readonly cause: HttpCloseCause }>(
    "oms_http_connections_closed_total",
    "Connections to the HTTP port that were closed before their client did, by cause.",
    ["cause"],
  );
  for (const cause of HTTP_CLOSE_CAUSES) closed.inc({ cause }, 0);
  return { open, closed };
}

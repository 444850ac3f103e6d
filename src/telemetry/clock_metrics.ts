/** Metrics of the clocks: what makes ages hard to tell. */
import type { Gauge, Instruments, LabeledCounter } from "./instruments.ts";

/** oms_clock_*. */
export interface ClockMetrics {
  readonly jumps: LabeledCounter<{ readonly direction: "forward" | "back" }>;
  readonly behindStore: Gauge;
}

/** Registers oms_clock_*. */
export function createClockMetrics(make: Instruments): ClockMetrics {
  const jumps: ClockMetrics["jumps"] = make.labeledCounter(
    "oms_clock_jumps_total",
    "Jumps of the wall clock against the monotonic one.",
    ["direction"],
  );
  jumps.inc({ direction: "forward" }, 0);
  jumps.inc({ direction: "back" }, 0);
  return {
    jumps,
    behindStore: make.gauge(
      "oms_clock_behind_store_seconds",
      "How far the wall clock is behind the newest time that was in the store at the start.",
    ),
  };
}

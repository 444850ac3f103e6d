/**
 * The present stop, and the last one as this start found it.
 *
 * Why both: nothing can scrape a process that has gone, so each start exports
 * how its predecessor stopped. Invariant: phases come from our own list of
 * phases, reasons are short labels: the series are few. Units are seconds in
 * the metrics and ms in the arguments of `record`.
 */
import type { Gauge, Instruments, LabeledGauge } from "./instruments.ts";

/** oms_shutdown_*. */
export interface ShutdownMetrics {
  /** So far, then in all, in seconds. */
  readonly duration: Gauge;
  readonly inflightSagas: Gauge;
  readonly inflightRpcs: Gauge;
  readonly phaseDuration: LabeledGauge<{ readonly phase: string }>;
}

/** How the last process stopped; durations in ms. */
export interface LastShutdown {
  /** A signal's name, `fatal` or `requested`. */
  readonly reason: string;
  readonly outcome: string;
  readonly exitCode: number;
  readonly durationMs: number;
  readonly phases: readonly {
    readonly phase: string;
    readonly durationMs: number;
  }[];
  readonly leftoverSagas: number;
}

/** oms_last_shutdown_*. */
export interface LastShutdownMetrics {
  /** Replaces what was exported before. */
  record(last: LastShutdown): void;
}

/** Registers oms_shutdown_*. */
export function createShutdownMetrics(make: Instruments): ShutdownMetrics {
  return {
    duration: make.gauge(
      "oms_shutdown_duration_seconds",
      "Time since the stop began, in the end its total.",
    ),
    inflightSagas: make.gauge(
      "oms_shutdown_inflight_sagas",
      "Sagas that the stop still waits for.",
    ),
    inflightRpcs: make.gauge(
      "oms_shutdown_inflight_rpcs",
      "Calls that the stop still waits for.",
    ),
    phaseDuration: make.labeledGauge(
      "oms_shutdown_phase_duration_seconds",
      "Time that each phase of the stop took.",
      ["phase"],
    ),
  };
}

/** Registers oms_last_shutdown_*. */
export function createLastShutdownMetrics(
  make: Instruments,
): LastShutdownMetrics {
  const duration = make.gauge(
    "oms_last_shutdown_duration_seconds",
    "What the last process's stop took.",
  );
  const phaseDuration = make.labeledGauge<{ readonly phase: string }>(
    "oms_last_shutdown_phase_duration_seconds",
    "What each phase of the last process's stop took.",
    ["phase"],
  );
  const leftoverSagas = make.gauge(
    "oms_last_shutdown_leftover_sagas",
    "Sagas that the last process left running.",
  );
  const info = make.labeledGauge<{
    readonly reason: string;
    readonly outcome: string;
    readonly exit_code: string;
  }>("oms_last_shutdown_info", "1, with how the last process stopped.", [
    "reason",
    "outcome",
    "exit_code",
  ]);
  return {
    record(last) {
      duration.set(last.durationMs / 1000);
      leftoverSagas.set(last.leftoverSagas);
      phaseDuration.reset();
      for (const { phase, durationMs } of last.phases) {
        phaseDuration.set({ phase }, durationMs / 1000);
      }
      info.reset();
      info.set({
        reason: last.reason,
        outcome: last.outcome,
        exit_code: String(last.exitCode),
      }, 1);
    },
  };
}

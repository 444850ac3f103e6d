/**
 * The very end of a process.
 *
 * Invariants: an orderly stop ends because nothing is left, with the report's
 * code; when something is left after all, the process still ends, and says so.
 * Not promised: that whatever held it was closed.
 *
 * @module
 */

import { type Clock, systemClock } from "./clock.ts";
import type { LogFn } from "./log.ts";
import type { ShutdownReport } from "./report.ts";

/** How {@link exitWhenIdle} ends the process. */
export interface ExitOptions {
  /** Where it says that something was left. */
  readonly log: LogFn;
  /** How long something may hold the event loop, in ms; default 500. */
  readonly leftMs?: number;
  /** Source of time; default: the system's. */
  readonly clock?: Clock;
  /** Sets the code for a natural end; default `Deno.exitCode = code`. */
  readonly setExitCode?: (code: number) => void;
  /** Ends the process at once; default `Deno.exit`. */
  readonly exit?: (code: number) => void;
}

/**
 * Ends the process with the report's exit code. A forced stop exits at once:
 * it has left things open on purpose. Any other sets the code and lets the
 * process end by itself; a timer that does not hold it waits for one that
 * something else holds.
 */
export function exitWhenIdle(
  report: ShutdownReport,
  options: ExitOptions,
): void {
  const exit = options.exit ?? ((code: number) => Deno.exit(code));
  const setExitCode = options.setExitCode ?? ((code: number) => {
    Deno.exitCode = code;
  });
  setExitCode(report.exitCode);
  if (report.outcome === "forced") {
    exit(report.exitCode);
    return;
  }
  (options.clock ?? systemClock).after(options.leftMs ?? 500, () => {
    options.log("warn", "exit was held up by something left open", {
      exit_code: report.exitCode,
    });
    exit(report.exitCode);
  }, { unref: true });
}

/**
 * The report where the platform looks for it, as Kubernetes'
 * `terminationMessagePath`.
 *
 * Invariant: only a regular file is written to. Opening a pipe that nobody
 * reads never returns (Deno opens on the calling thread, also in its
 * asynchronous calls), and the process would not end.
 * Not promised: an end on a volume that has gone away.
 *
 * @module
 */

import {
  type ReportJson,
  type ShutdownReport,
  truncateReport,
} from "./report.ts";

/** What Kubernetes keeps of a termination message, in bytes. */
export const TERMINATION_LOG_BYTES = 4096;

/**
 * Writes the report to the file, cut to {@link TERMINATION_LOG_BYTES}.
 *
 * @throws {Error} when it is something else than a file, and what
 * `Deno.writeTextFileSync` throws.
 */
export function writeTerminationLog(
  path: string,
  report: ShutdownReport | ReportJson,
): void {
  if (isSomethingElse(path)) {
    throw new Error(
      `Cannot write to ${path}: it is no regular file (name a file, or one that is not there yet)`,
    );
  }
  Deno.writeTextFileSync(path, truncateReport(report, TERMINATION_LOG_BYTES));
}

/** Of what is not there, or may not be looked at, the write tells. */
function isSomethingElse(path: string): boolean {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

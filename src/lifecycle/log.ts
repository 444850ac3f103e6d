/**
 * The log seam: this module writes nowhere by itself.
 *
 * Invariant: no call here throws into a stop in progress (see {@link safeLog}).
 * Not promised: that a line reaches its destination; that is the writer's job.
 *
 * @module
 */

/** Severity of a line, lowest first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured fields of a line; values must be JSON-serialisable. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where lines go; must not block, may throw (the throw is swallowed). */
export type LogFn = (
  level: LogLevel,
  message: string,
  fields?: LogFields,
) => void;

/** Wraps `log` so that a throwing writer cannot disturb its caller. */
export function safeLog(log: LogFn): LogFn {
  return (level, message, fields) => {
    try {
      log(level, message, fields);
    } catch {
      // A broken log pipe is no reason to stop stopping.
    }
  };
}

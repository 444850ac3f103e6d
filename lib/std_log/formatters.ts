/** Ready-made formatters. */
import type { LogRecord } from "./logger.ts";

/**
 * A record as one JSON object: level, datetime (ms since the epoch), message,
 * args (absent when there are none, bare when there is one).
 */
export function jsonFormatter(logRecord: LogRecord): string {
  const { levelName, datetime, msg, args } = logRecord;
  return JSON.stringify({
    level: levelName,
    datetime: datetime.getTime(),
    message: msg,
    args: args.length === 0 ? undefined : args.length === 1 ? args[0] : args,
  });
}

/** The formatters by name. */
export const formatters: { readonly jsonFormatter: typeof jsonFormatter } = {
  jsonFormatter,
};

/**
 * The service's structured log, on @std/log.
 *
 * Invariants: a call never throws, never waits and never blocks the event loop:
 * lines go through one LineWriter (writer.ts), which drops and counts. Nothing
 * else in the process may write to stdout.
 * Not promised: that a line arrives; `flush` gives the last ones their chance.
 */
import {
  BaseHandler,
  type LevelName,
  Logger as StdLogger,
  type LogRecord,
} from "@std/log";
import type { LogFields, LogFn, LogLevel } from "@oms/lifecycle";
import {
  jsonLine,
  type LineFormat,
  type LogEntry,
  textLine,
} from "./format.ts";
import { type ByteSink, LineWriter } from "./writer.ts";

export type { LogFields } from "@oms/lifecycle";

/** What the service's parts log with. Fields are named in snake case: order_id, saga_id, …. */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** A logger with these fields on every line; `component` replaces the parent's. */
  child(fields: LogFields & { readonly component?: string }): Logger;
}

/** How the log looks and where it goes. */
export interface LoggingOptions {
  readonly level: LogLevel;
  readonly format: "json" | "text";
  /** Colours in the text format. */
  readonly color?: boolean;
  /** Deno.stdout by default. */
  readonly sink?: ByteSink;
  /** Characters that may wait for the sink, 1 Mi by default. */
  readonly maxPending?: number;
  /** Called for each loss, with the number of lines lost. */
  readonly onDropped?: (lines: number) => void;
}

/** The log of a process. */
export interface Logging extends Disposable {
  /** Root logger, component "oms". */
  readonly logger: Logger;
  /** Lines lost so far. */
  readonly dropped: number;
  /**
   * Waits until all lines so far are written, for at most `ms` milliseconds.
   * False when some are not. Never rejects.
   */
  flush(ms: number): Promise<boolean>;
  /** Drops what still waits and all that comes. */
  [Symbol.dispose](): void;
}

const STD_LEVELS: Record<LogLevel, LevelName> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
};

/** The component and fields of a line on their way through @std/log. */
class LineContext {
  constructor(
    readonly level: LogLevel,
    readonly component: string,
    readonly fields: LogFields,
  ) {}
}

/** Opens the log; exactly one per process on stdout. */
export function createLogging(options: LoggingOptions): Logging {
  const format = options.format === "json"
    ? jsonLine
    : textLine(options.color ?? false);
  const writer = new LineWriter({
    sink: options.sink ?? Deno.stdout,
    maxPending: options.maxPending,
    onDropped: options.onDropped,
    lossNotice: (lines) =>
      format({
        time: new Date(),
        level: "warn",
        msg: "log lines dropped",
        component: "telemetry",
        fields: { lines },
      }),
  });
  const std = new StdLogger("oms", STD_LEVELS[options.level], {
    handlers: [new WriterHandler(format, writer)],
  });
  return {
    logger: new ComponentLogger(std, "oms", {}),
    get dropped() {
      return writer.dropped;
    },
    flush: (ms) => writer.flush(ms),
    [Symbol.dispose]: () => writer.close(),
  };
}

/** A logger as the callback that the lifecycle package takes. */
export function logFn(logger: Logger): LogFn {
  return (level, msg, fields) => logger[level](msg, fields);
}

/** A logger that drops everything: for tests and tools. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

class WriterHandler extends BaseHandler {
  readonly #lineFormat: LineFormat;
  readonly #writer: LineWriter;

  constructor(format: LineFormat, writer: LineWriter) {
    super("NOTSET");
    this.#lineFormat = format;
    this.#writer = writer;
  }

  override format(record: LogRecord): string {
    return this.#lineFormat(entryOf(record));
  }

  override log(line: string): void {
    this.#writer.write(line);
  }
}

function entryOf(record: LogRecord): LogEntry {
  const context = record.args[0];
  const { level, component, fields } = context instanceof LineContext
    ? context
    : new LineContext("info", record.loggerName, {});
  return { time: record.datetime, level, msg: record.msg, component, fields };
}

class ComponentLogger implements Logger {
  readonly #std: StdLogger;
  readonly #component: string;
  readonly #fields: LogFields;

  constructor(std: StdLogger, component: string, fields: LogFields) {
    this.#std = std;
    this.#component = component;
    this.#fields = fields;
  }

  debug(msg: string, fields?: LogFields): void {
    this.#write("debug", msg, fields);
  }
  info(msg: string, fields?: LogFields): void {
    this.#write("info", msg, fields);
  }
  warn(msg: string, fields?: LogFields): void {
    this.#write("warn", msg, fields);
  }
  error(msg: string, fields?: LogFields): void {
    this.#write("error", msg, fields);
  }

  child(fields: LogFields & { readonly component?: string }): Logger {
    const { component, ...more } = fields;
    return new ComponentLogger(this.#std, component ?? this.#component, {
      ...this.#fields,
      ...more,
    });
  }

  #write(level: LogLevel, msg: string, fields: LogFields | undefined): void {
    try {
      const all = fields === undefined
        ? this.#fields
        : { ...this.#fields, ...fields };
      this.#std[level](
        msg,
        new LineContext(level, this.#component, all),
      );
    } catch {
      // Spreading a caller's exotic object may throw; its message still counts.
      this.#std[level](
        msg,
        new LineContext(level, this.#component, this.#fields),
      );
    }
  }
}

/**
 * Handler that prints with console.log.
 *
 * Not promised: a free event loop. console.log into a full pipe blocks it, so a
 * service should use a handler of its own.
 */
import { BaseHandler, type BaseHandlerOptions } from "./base_handler.ts";
import { type LevelName, LogLevels } from "./levels.ts";
import type { LogRecord } from "./logger.ts";

/** Options of the console handler. */
export interface ConsoleHandlerOptions extends BaseHandlerOptions {
  /** On by default; NO_COLOR switches colours off too. */
  useColors?: boolean;
}

/** Prints each message, coloured by level. */
export class ConsoleHandler extends BaseHandler {
  readonly #useColors: boolean;

  constructor(levelName: LevelName, options: ConsoleHandlerOptions = {}) {
    super(levelName, options);
    this.#useColors = options.useColors ?? true;
  }

  override format(logRecord: LogRecord): string {
    const text = super.format(logRecord);
    return this.#useColors ? this.applyColors(text, logRecord.level) : text;
  }

  /** The text in the colour of a level. */
  applyColors(msg: string, level: number): string {
    switch (level) {
      case LogLevels.INFO:
        return paint(msg, 34, 39);
      case LogLevels.WARN:
        return paint(msg, 33, 39);
      case LogLevels.ERROR:
        return paint(msg, 31, 39);
      case LogLevels.CRITICAL:
        return paint(paint(msg, 31, 39), 1, 22);
      default:
        return msg;
    }
  }

  override log(msg: string): void {
    // deno-lint-ignore no-console -- printing is what this handler is for
    console.log(msg);
  }
}

function paint(text: string, on: number, off: number): string {
  return Deno.noColor ? text : `\x1b[${on}m${text}\x1b[${off}m`;
}

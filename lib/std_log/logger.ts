/**
 * Logger and the records it hands to its handlers.
 *
 * Invariants: a message below the logger's level costs one comparison, a lazy
 * message is then not computed; a record is a snapshot.
 * Not promised: protection from a handler that throws.
 */
import {
  getLevelByName,
  getLevelName,
  type LevelName,
  type LogLevel,
  LogLevels,
} from "./levels.ts";
import type { BaseHandler } from "./base_handler.ts";

/** What a record is made from. */
export interface LogRecordOptions {
  msg: string;
  args: unknown[];
  level: LogLevel;
  loggerName: string;
}

/** One message with its arguments, level, logger and time. */
export class LogRecord {
  readonly msg: string;
  readonly level: number;
  readonly levelName: string;
  readonly loggerName: string;
  readonly #args: readonly unknown[];
  readonly #time = Date.now();

  constructor(options: LogRecordOptions) {
    this.msg = options.msg;
    this.level = options.level;
    this.levelName = getLevelName(options.level);
    this.loggerName = options.loggerName;
    this.#args = [...options.args];
  }

  /** A copy of the arguments. */
  get args(): unknown[] {
    return [...this.#args];
  }

  /** When the record was made. */
  get datetime(): Date {
    return new Date(this.#time);
  }
}

/** Options of a logger. */
export interface LoggerOptions {
  handlers?: BaseHandler[];
}

type AnyFunction = (...args: never[]) => unknown;
type Message<T> = (T extends AnyFunction ? never : T) | (() => T);

/** Hands each message at or above its level to all its handlers. */
export class Logger {
  handlers: BaseHandler[];
  readonly #name: string;
  #level: LogLevel;

  constructor(
    loggerName: string,
    levelName: LevelName,
    options: LoggerOptions = {},
  ) {
    this.#name = loggerName;
    this.#level = getLevelByName(levelName);
    this.handlers = options.handlers ?? [];
  }

  /** The lowest level that is logged; setting a number that is none throws TypeError. */
  get level(): LogLevel {
    return this.#level;
  }
  set level(level: LogLevel) {
    try {
      getLevelName(level);
    } catch (cause) {
      throw new TypeError(`Invalid log level: ${level}`, { cause });
    }
    this.#level = level;
  }

  /** The level by its name. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }
  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }

  /** The logger's name, as records carry it. */
  get loggerName(): string {
    return this.#name;
  }

  /** A value as the text of a message. */
  asString(data: unknown, isProperty = false): string {
    if (typeof data === "string") return isProperty ? `"${data}"` : data;
    if (data instanceof Error) return data.stack ?? `${data}`;
    if (typeof data === "object" && data !== null) {
      const properties = Object.entries(data).map(([key, value]) =>
        `"${key}":${this.asString(value, true)}`
      );
      return `{${properties.join(",")}}`;
    }
    return typeof data === "function" ? "undefined" : String(data);
  }

  /** Logs at DEBUG; returns the message, or what a lazy message computed. */
  debug<T>(msg: () => T, ...args: unknown[]): T | undefined;
  debug<T>(msg: T extends AnyFunction ? never : T, ...args: unknown[]): T;
  debug<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.DEBUG, msg, args);
  }

  /** Logs at INFO; returns the message, or what a lazy message computed. */
  info<T>(msg: () => T, ...args: unknown[]): T | undefined;
  info<T>(msg: T extends AnyFunction ? never : T, ...args: unknown[]): T;
  info<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.INFO, msg, args);
  }

  /** Logs at WARN; returns the message, or what a lazy message computed. */
  warn<T>(msg: () => T, ...args: unknown[]): T | undefined;
  warn<T>(msg: T extends AnyFunction ? never : T, ...args: unknown[]): T;
  warn<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.WARN, msg, args);
  }

  /** Logs at ERROR; returns the message, or what a lazy message computed. */
  error<T>(msg: () => T, ...args: unknown[]): T | undefined;
  error<T>(msg: T extends AnyFunction ? never : T, ...args: unknown[]): T;
  error<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.ERROR, msg, args);
  }

  /** Logs at CRITICAL; returns the message, or what a lazy message computed. */
  critical<T>(msg: () => T, ...args: unknown[]): T | undefined;
  critical<T>(msg: T extends AnyFunction ? never : T, ...args: unknown[]): T;
  critical<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }

  #log<T>(
    level: LogLevel,
    msg: Message<T>,
    args: unknown[],
  ): T | undefined {
    const lazy = msg instanceof Function;
    if (level < this.#level) return lazy ? undefined : msg;
    const value = lazy ? msg() : msg;
    const record = new LogRecord({
      msg: this.asString(value),
      args,
      level,
      loggerName: this.#name,
    });
    for (const handler of this.handlers) handler.handle(record);
    return value;
  }
}

/**
 * Levelled logging: the part of `jsr:@std/log` that this project calls.
 *
 * Invariants: each name here has upstream's signature and behaviour, so the
 * `links` entry in deno.json can be dropped where JSR is reachable.
 * Not promised: names that are not exported here (calling one is a type error);
 * file handlers are among them.
 *
 * @module
 */
export {
  getLevelByName,
  getLevelName,
  type LevelName,
  type LogLevel,
  LogLevels,
} from "./levels.ts";
export {
  Logger,
  type LoggerOptions,
  LogRecord,
  type LogRecordOptions,
} from "./logger.ts";
export {
  BaseHandler,
  type BaseHandlerOptions,
  type FormatterFunction,
} from "./base_handler.ts";

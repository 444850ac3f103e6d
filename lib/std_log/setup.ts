/**
 * The process's named loggers.
 *
 * Invariants: `setup` replaces everything that an earlier one made; there is
 * always a handler and a logger named "default" (console, INFO).
 */
import type { BaseHandler } from "./base_handler.ts";
import { ConsoleHandler } from "./console_handler.ts";
import type { LevelName } from "./levels.ts";
import { Logger } from "./logger.ts";

/** A logger's level and its handlers, by name. */
export interface LoggerConfig {
  level?: LevelName;
  handlers?: string[];
}

/** Handlers and loggers by name. */
export interface LogConfig {
  handlers?: Record<string, BaseHandler>;
  loggers?: Record<string, LoggerConfig>;
}

const active = {
  handlers: new Map<string, BaseHandler>(),
  loggers: new Map<string, Logger>(),
};

/** Replaces all handlers and loggers; the old handlers are destroyed. */
export function setup(config: LogConfig): void {
  for (const handler of active.handlers.values()) handler.destroy();
  active.handlers = new Map(Object.entries({
    default: new ConsoleHandler("INFO"),
    ...config.handlers,
  }));
  for (const handler of active.handlers.values()) handler.setup();

  const loggers: Record<string, LoggerConfig> = {
    default: { level: "INFO", handlers: ["default"] },
    ...config.loggers,
  };
  active.loggers = new Map(
    Object.entries(loggers).map(([name, { level, handlers }]) => [
      name,
      new Logger(name, level ?? "INFO", {
        handlers: (handlers ?? []).flatMap((key) =>
          active.handlers.get(key) ?? []
        ),
      }),
    ]),
  );
}

/** The logger of that name; one that was not set up logs nothing anywhere. */
export function getLogger(name = "default"): Logger {
  const known = active.loggers.get(name);
  if (known !== undefined) return known;
  const fresh = new Logger(name, "NOTSET", { handlers: [] });
  active.loggers.set(name, fresh);
  return fresh;
}

setup({});

/** The levels, their numbers and names. */

/** Numbers by name: the larger, the graver. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** A level's name. */
export type LevelName = keyof typeof LogLevels;

/** A level's number. */
export type LogLevel = typeof LogLevels[LevelName];

const entries: readonly (readonly [LevelName, LogLevel])[] = [
  ["NOTSET", LogLevels.NOTSET],
  ["DEBUG", LogLevels.DEBUG],
  ["INFO", LogLevels.INFO],
  ["WARN", LogLevels.WARN],
  ["ERROR", LogLevels.ERROR],
  ["CRITICAL", LogLevels.CRITICAL],
];

/** The number of a level; throws Error for a name that is none. */
export function getLevelByName(name: LevelName): LogLevel {
  const found = entries.find(([candidate]) => candidate === name);
  if (found === undefined) {
    throw new Error(
      `Cannot get log level: no level named ${name}, use one of ${
        entries.map(([each]) => each).join(", ")
      }`,
    );
  }
  return found[1];
}

/** The name of a level; throws Error for a number that is none. */
export function getLevelName(level: LogLevel): LevelName {
  const found = entries.find(([, candidate]) => candidate === level);
  if (found === undefined) {
    throw new Error(`Cannot get log level: no level has the number ${level}`);
  }
  return found[0];
}

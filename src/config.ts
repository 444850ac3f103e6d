/**
 * The environment as configuration: environment in, Config or every mistake out.
 *
 * Invariants: pure but for the `readFile` it is given; all mistakes are found at
 * once and named by their variable; no secret shows in a message, a log line or
 * JSON. Not promised: that addresses can be bound, brokers or providers
 * reached: the parts that use them say so.
 */
import { findConflicts, findIdle } from "./config/checks.ts";
import { mocksAllowed } from "./config/checks_providers.ts";
import { buildConfig, logForm } from "./config/build.ts";
import { formatDuration } from "./config/duration.ts";
import { ConfigError, type ConfigProblem } from "./config/errors.ts";
import { formatAddress } from "./config/parsers.ts";
import {
  type Environment,
  knownNames,
  readEnvironment,
  type ReadFile,
  type Reading,
  type ValueSource,
  variableKeys,
} from "./config/read.ts";
import { MASK } from "./config/secret.ts";
import { unknownNames } from "./config/suggest.ts";
import type { Config, LogConfig } from "./config/types.ts";
import {
  type Values,
  type VariableKey,
  VARIABLES,
} from "./config/variables.ts";

export { ConfigError, type ConfigProblem } from "./config/errors.ts";
export {
  checkRuntime,
  isRuntimeOverride,
  RUNTIME_OVERRIDE,
} from "./config/runtime_guard.ts";
export { Secret } from "./config/secret.ts";
export type * from "./config/types.ts";

/** What configuration is made from. */
export interface ConfigInput {
  /** Deno.env.toObject(), so that mistyped names can be seen. */
  readonly env: Environment;
  /** Deno.readTextFileSync: for `NAME_FILE` and the PEM files. */
  readonly readFile: ReadFile;
  /** Deno.stdout.isTerminal(): decides the default of LOG_FORMAT. */
  readonly stdoutIsTerminal: boolean;
}

/** One variable's effective value, for people. */
export interface ConfigEntry {
  readonly name: string;
  /** Masked when secret; empty when unset. */
  readonly value: string;
  readonly source: ValueSource;
}

/** Configuration and what is worth saying about it. */
export interface LoadedConfig {
  readonly config: Config;
  /** Unknown names and variables without effect: to be logged at warn. */
  readonly warnings: readonly ConfigProblem[];
  /** Every variable, in the order of the table. */
  readonly entries: readonly ConfigEntry[];
}

/**
 * Reads the configuration.
 *
 * @throws ConfigError with every mistake, by variable name
 */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const reading = readEnvironment(input.env, input.readFile);
  const warnings = [
    ...unknownNames(input.env, knownNames()),
    ...findIdle(reading),
  ];
  const problems = [...reading.problems, ...findConflicts(reading)];
  if (problems.length > 0) throw new ConfigError(problems, warnings);
  // No problem means that no variable failed: each value is there.
  const config = buildConfig(reading.values as Values, input.stdoutIsTerminal);
  return { config, warnings, entries: describe(reading, config) };
}

/** The log of a start that may have no configuration: what is wrong elsewhere does not change how lines look. */
export function earlyLogConfig(
  { env: { LOG_FORMAT, NO_COLOR }, readFile, stdoutIsTerminal }: ConfigInput,
): LogConfig {
  const { values } = readEnvironment({ LOG_FORMAT, NO_COLOR }, readFile);
  return { level: "info", ...logForm(values, stdoutIsTerminal) };
}

function describe(reading: Reading, config: Config): ConfigEntry[] {
  const derived: Partial<Record<VariableKey, string>> = {
    logFormat: config.log.format,
    allowMockIntegrations: String(mocksAllowed(reading.values)),
  };
  return variableKeys().map((key) => {
    const { name, kind } = VARIABLES[key];
    const source = reading.sources.get(key) ?? "unset";
    const fallback = source === "unset" ? derived[key] : undefined;
    if (fallback !== undefined) {
      return { name, value: fallback, source: "default" };
    }
    const value = reading.values[key];
    const secret = kind !== "plain" && value !== undefined;
    return { name, value: secret ? MASK : show(key, value), source };
  });
}

/** Values as they would be written into the environment. */
function show(key: VariableKey, value: Values[VariableKey]): string {
  if (value === undefined) return "";
  if (typeof value === "number" && isDuration(key)) {
    return formatDuration(value);
  }
  if (typeof value === "object" && "port" in value) {
    return formatAddress(value);
  }
  return typeof value === "object" ? value.join(",") : String(value);
}

/** A number whose default is written with a unit is a duration. */
function isDuration(key: VariableKey): boolean {
  return /[a-z]$/.test(VARIABLES[key].fallback ?? "");
}

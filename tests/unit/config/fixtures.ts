/** The configuration of an environment, as the tests write it. */
import { assertThrows } from "@std/assert";
import {
  type Config,
  ConfigError,
  type ConfigInput,
  loadConfig,
  type LoadedConfig,
} from "../../../src/config.ts";
import type { Variable } from "../../../src/config/variable.ts";
import { VARIABLES } from "../../../src/config/variables.ts";

export type Env = Record<string, string>;

export const NO_FILES = (path: string): string => {
  throw new Deno.errors.NotFound(`No such file: ${path}`);
};

export function load(env: Env, more: Partial<ConfigInput> = {}): LoadedConfig {
  return loadConfig({
    env,
    readFile: NO_FILES,
    stdoutIsTerminal: false,
    ...more,
  });
}

export const configOf = (env: Env, more?: Partial<ConfigInput>): Config =>
  load(env, more).config;

export function problemsOf(
  env: Env,
  more?: Partial<ConfigInput>,
): Record<string, string> {
  const error = assertThrows(() => load(env, more), ConfigError);
  return Object.fromEntries(
    error.problems.map(({ name, message }) => [name, message]),
  );
}

export const rows: Variable<unknown>[] = Object.values(VARIABLES);

export const KAFKA: Env = { KAFKA_BROKERS: "a:9092, b:9093" };

/**
 * What the scripts share: the program's version and permissions, which stand in deno.json, running a command, and one
 * sentence for a step that failed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };

/** The project's root, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const VERSION: string = manifest.version;

/** Worker scripts: no import of the program names them, so each has to be said. */
export const WORKERS = [
  "src/lifecycle/watchdog_worker.ts",
  "src/storage/sqlite/worker.ts",
];

/** A step of a build that failed; its message is all that is to be said. */
export class BuildError extends Error {
  override name = "BuildError";
}

/** The permissions of the task `run`. @throws BuildError when it lists none, or all */
export function permissions(): string[] {
  const { command } = manifest.tasks.run;
  const flags = command.split(/\s+/).filter((word) =>
    word.startsWith("--allow-")
  );
  if (flags.length === 0 || flags.includes("--allow-all")) {
    throw new BuildError(
      `Cannot take the program's permissions from the task run: it has to list them (received ${command})`,
    );
  }
  return flags;
}

/** How a command of a build is run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. @returns its stdout @throws BuildError with its output when it fails */
export async function run(
  program: string,
  args: readonly string[],
  { cwd = ROOT, env = {} }: RunOptions = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new BuildError(
    `${program} ${args.slice(0, 2).join(" ")} failed with exit code ${code}:\n${
      decoder.decode(stdout)
    }${decoder.decode(stderr)}`,
  );
}

/** This very Deno. */
export function deno(
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  return run(Deno.execPath(), args, options);
}

/** Runs a script's main function: a BuildError is one sentence and exit code 1. */
export async function main(
  body: (args: readonly string[]) => Promise<number> | number,
): Promise<void> {
  try {
    Deno.exitCode = await body(Deno.args);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    Deno.exitCode = 1;
  }
}

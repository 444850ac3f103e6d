/**
 * `oms config`: the configuration that `serve` would run with in this environment, and where each value came from.
 *
 * Invariants: a secret shows as its mask, whatever the form; nothing is opened, bound or written. Exit codes: 0, 1 when
 * the configuration would be refused (every mistake on stderr), 2 for a wrong command line.
 */
import {
  type ConfigEntry,
  ConfigError,
  type ConfigProblem,
  loadConfig,
} from "../../config.ts";

/** @returns the exit code */
export function showConfig(args: readonly string[]): Promise<number> {
  const [flag] = args;
  if (args.length > 1 || (flag !== undefined && flag !== "--json")) {
    console.error(
      `Cannot print the configuration with ${
        JSON.stringify(args.join(" "))
      }: config takes --json or nothing.`,
    );
    return Promise.resolve(2);
  }
  return Promise.resolve(show(flag === "--json" ? json : table));
}

function show(form: (entries: readonly ConfigEntry[]) => string): number {
  try {
    const { entries, warnings } = loadConfig({
      env: Deno.env.toObject(),
      readFile: Deno.readTextFileSync,
      stdoutIsTerminal: Deno.stdout.isTerminal(),
    });
    tell("warning", warnings);
    console.log(form(entries));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    tell("warning", error.warnings);
    tell("refused", error.problems);
    return 1;
  }
}

function tell(what: string, list: readonly ConfigProblem[]): void {
  for (const { name, message } of list) {
    console.error(`${what}: ${name} ${message}`);
  }
}

function table(entries: readonly ConfigEntry[]): string {
  const width = (key: "name" | "source") =>
    Math.max(...entries.map((entry) => entry[key].length));
  const [name, source] = [width("name"), width("source")];
  return entries.map((entry) =>
    `${entry.name.padEnd(name)}  ${entry.source.padEnd(source)}  ${entry.value}`
      .trimEnd()
  ).join("\n");
}

function json(entries: readonly ConfigEntry[]): string {
  return JSON.stringify(entries, null, 2);
}

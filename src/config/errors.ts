/** What is wrong with the environment. */

/** One mistake or remark, by variable. */
export interface ConfigProblem {
  /** Name of the environment variable. */
  readonly name: string;
  /** What is wrong, and what to change. Never a secret's value. */
  readonly message: string;
}

/** The environment cannot be used; carries every mistake at once. */
export class ConfigError extends Error {
  /** All mistakes, in the order of the table of variables. */
  readonly problems: readonly ConfigProblem[];
  /** Remarks that may explain a mistake, mistyped names above all. */
  readonly warnings: readonly ConfigProblem[];

  /**
   * @param problems at least one
   * @param warnings what `loadConfig` would have returned beside the config
   */
  constructor(
    problems: readonly ConfigProblem[],
    warnings: readonly ConfigProblem[] = [],
  ) {
    const lines = problems.map(({ name, message }) => `  ${name}: ${message}`);
    super(
      `Cannot use the environment (${problems.length} to correct):\n${
        lines.join("\n")
      }`,
    );
    this.name = "ConfigError";
    this.problems = problems;
    this.warnings = warnings;
  }
}

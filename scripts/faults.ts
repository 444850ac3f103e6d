/**
 * Writes docs/faults.md from the catalogue and the last results of `deno task
 * test` (`deno task faults`), or compares (`--check`).
 *
 * Exit code 1 when a row has no test that passed, a test of a row failed, or,
 * with `--check`, the page is out of date.
 */
import { BuildError, main, ROOT } from "./build/project.ts";
import { parseJunit, type TestResult } from "./faults/junit.ts";
import { CATALOGUE } from "./faults/rows.ts";
import {
  coverage,
  faultsPage,
  firstDifference,
  shortcomings,
} from "./faults/table.ts";

const SUITES = ["fast", "shutdown"];

const page = `${ROOT}docs/faults.md`;

function resultsOf(suite: string): TestResult[] {
  const path = `${ROOT}.cache/junit/${suite}.xml`;
  try {
    return parseJunit(Deno.readTextFileSync(path));
  } catch (error) {
    throw new BuildError(
      `Cannot read the results in ${path}: run \`deno task test\` first (${error})`,
    );
  }
}

await main((args) => {
  const results = SUITES.flatMap(resultsOf);
  const problems = shortcomings(coverage(CATALOGUE, results));
  const text = faultsPage(CATALOGUE, results);
  if (args.includes("--check")) {
    const difference = firstDifference(Deno.readTextFileSync(page), text);
    if (difference !== null) {
      problems.push(
        `docs/faults.md is out of date: run \`deno task faults\` (${difference})`,
      );
    }
  } else Deno.writeTextFileSync(page, text);
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
});

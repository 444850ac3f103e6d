/**
 * `deno task release:check`: everything that has to hold before a version is released, from clean.
 *
 * Invariants: it judges what it has compiled itself; a program on a foreign base is refused, unless
 * `--foreign-base-for-a-local-proof` is given: then every check runs, the end says that the result is not releasable,
 * and the exit code is 0 only for that proof. The first check that fails ends it.
 *
 * @module
 */
import { findCrane } from "./image/crane.ts";
import { BuildError, main, ROOT, run, VERSION } from "./build/project.ts";

const PROOF = "--foreign-base-for-a-local-proof";
const BINARY = "dist/oms";

async function step(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const started = performance.now();
  console.log(`== ${name}`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (code !== 0) {
    throw new BuildError(
      `Not releasable: ${name} failed with exit code ${code}`,
    );
  }
  const seconds = ((performance.now() - started) / 1_000).toFixed(0);
  console.log(`== ${name}: done in ${seconds} s`);
}

/** What is wrong with the sources for a release. */
async function sourceProblems(): Promise<string[]> {
  const changelog = await Deno.readTextFile(`${ROOT}CHANGELOG.md`);
  const heading = new RegExp(
    `^## ${VERSION.replaceAll(".", "\\.")} \\(\\d{4}-\\d{2}-\\d{2}\\)$`,
    "m",
  );
  return [
    ...(await run("git", ["status", "--porcelain"])).trim() === ""
      ? []
      : ["the working tree differs from its commit"],
    ...heading.test(changelog)
      ? []
      : [`CHANGELOG.md has no "## ${VERSION} (date)"`],
  ];
}

await main(async (args) => {
  const unknown = args.find((arg) => arg !== PROOF);
  if (unknown !== undefined) {
    throw new BuildError(
      `Cannot check the release with ${unknown}: expected ${PROOF} or nothing`,
    );
  }
  // What a test could not do it would only call ignored.
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    throw new BuildError(
      "Cannot check the release: running the image's root as PID 1 needs Linux and root",
    );
  }
  if (await findCrane() === null) {
    throw new BuildError(
      "Cannot check the release: writing the image's layout needs crane, or Go to build it",
    );
  }
  const proof = args.includes(PROOF);
  const problems = await sourceProblems();
  if (problems.length > 0 && !proof) {
    throw new BuildError(`Not releasable: ${problems.join("; ")}`);
  }
  await Deno.remove(`${ROOT}dist`, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const base = proof ? ["--allow-foreign-base"] : [];
  const binary = { OMS_TEST_BINARY: BINARY };
  await step("compile", ["task", "compile", ...base]);
  await step("compile for tests", ["task", "compile", "--failpoints", ...base]);
  const version = (await run(ROOT + BINARY, ["--version"])).trim();
  const official = version.includes(" base=official ");
  if (!official && !proof) {
    throw new BuildError(
      `Not releasable: ${version} is not on the official base`,
    );
  }
  await step("licences", ["task", "licences", "--check"]);
  await step("SBOM", ["task", "sbom"]);
  await step("image", ["task", "image:test"], binary);
  await step("the program alone", ["task", "test:release"], binary);
  await step("shutdown suite", ["task", "test:shutdown"], binary);
  const chaos = ["--rounds", "20", "--seed", "1"];
  await step("chaos", ["task", "chaos", ...chaos], binary);
  if (!official) {
    await step("shutdown suite on this Deno", ["task", "test:bundle"]);
  }
  console.log(version);
  if (official && problems.length === 0) {
    console.log(`RELEASABLE: oms ${VERSION}`);
    return 0;
  }
  const why = official
    ? problems
    : ["it was compiled onto a foreign base", ...problems];
  console.log(`NOT RELEASABLE, a local proof only: ${why.join("; ")}`);
  return 0;
});

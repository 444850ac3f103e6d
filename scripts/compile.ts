/**
 * `deno task compile`: the program as one file, dist/oms.
 *
 * Invariants: everything is inside, nothing is read next to it; its permissions are those of the task `run`, listed;
 * what was built has been run before this says so (a wrong base compiles without complaint and then is something
 * else); a foreign base is used only when the command line says so, and `--version` then says `base=foreign`.
 *
 * Not promised: that a program for another target than this machine's works: it cannot be run here.
 *
 * @module
 */
import {
  type BuildStamp,
  bundle,
  commitOfSources,
  type Entry,
} from "./build/bundle.ts";
import { FOREIGN_TARGET, foreignBase } from "./build/foreign_base.ts";
import {
  BuildError,
  deno,
  main,
  permissions,
  ROOT,
  run,
  VERSION,
} from "./build/project.ts";
import { Command, Option } from "commander";

const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

interface Flags {
  readonly target: string;
  readonly output?: string;
  readonly commit?: string;
  readonly failpoints: boolean;
  readonly allowForeignBase: boolean;
}

function parseFlags(args: readonly string[]): Flags {
  return new Command("compile")
    .description("Compiles the program into one file")
    .addOption(
      new Option("--target <triple>", "platform").choices(TARGETS)
        .default(Deno.build.target),
    )
    .option(
      "--output <file>",
      "default: dist/oms, for tests dist/oms-failpoints",
    )
    .option("--commit <id>", "default: git's")
    .option(
      "--failpoints",
      "the tests' entry point; never to be shipped",
      false,
    )
    .option(
      "--allow-foreign-base",
      "compile onto another project's runtime, for a local proof",
      false,
    )
    .parse([...args], { from: "user" })
    .opts<Flags>();
}

/** Compiles a bundle. @throws BuildError */
async function compile(flags: Flags, output: string): Promise<void> {
  const entry: Entry = flags.failpoints ? "failpoints" : "service";
  const stamp: BuildStamp = {
    commit: flags.commit ?? await commitOfSources(),
    base: flags.allowForeignBase ? "foreign" : "official",
  };
  const base = flags.allowForeignBase ? await foreignBase() : undefined;
  const work = await Deno.makeTempDir({ prefix: "oms-compile-" });
  try {
    const { dir, entry: file, workers } = await bundle(entry, work, stamp);
    await deno([
      ...["compile", "--quiet", "--no-config", "--no-check"],
      // It would be written beside the program or into a temporary folder: a read-only root has neither.
      "--no-code-cache",
      ...["--target", flags.target, "--output", output],
      ...permissions(),
      // A failpoint kills its own process.
      ...(flags.failpoints ? ["--allow-run"] : []),
      ...workers.flatMap((worker) => ["--include", worker]),
      file,
    ], { cwd: dir, env: base === undefined ? {} : { DENORT_BIN: base } });
  } catch (error) {
    if (error instanceof BuildError && error.message.includes("base binary")) {
      throw new BuildError(
        `${
          error.message.split("Stack backtrace")[0]?.trimEnd()
        }\nCannot get the runtime to compile onto: allow the download, or use --allow-foreign-base for a proof on this machine.`,
      );
    }
    throw error;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Runs what was built. @throws BuildError when it is not the program, or not on the runtime that it should be on */
async function prove(output: string, flags: Flags): Promise<string> {
  const line = (await run(output, ["--version"])).trim();
  const runtime = flags.allowForeignBase
    ? "deno-"
    : `deno-${Deno.version.deno}`;
  const base = flags.allowForeignBase ? "foreign" : "official";
  if (
    !line.startsWith(`oms ${VERSION} commit=`) ||
    !line.includes(` base=${base} runtime=${runtime}`)
  ) {
    throw new BuildError(
      `${output} was compiled and is not the program: --version prints ${
        JSON.stringify(line)
      }. The base that it was compiled onto does not fit this Deno.`,
    );
  }
  return line;
}

await main(async (args) => {
  const flags = parseFlags(args);
  if (flags.allowForeignBase && flags.target !== FOREIGN_TARGET) {
    throw new BuildError(
      `Cannot compile for ${flags.target} onto the foreign base: it is for ${FOREIGN_TARGET} only`,
    );
  }
  if (Deno.env.get("DENORT_BIN")) {
    throw new BuildError(
      "Cannot compile: DENORT_BIN is set, and what is built on it would say base=official. Unset it; --allow-foreign-base fetches a known base by itself.",
    );
  }
  const output = flags.output ??
    `${ROOT}dist/${flags.failpoints ? "oms-failpoints" : "oms"}`;
  await compile(flags, output);
  const { size } = await Deno.stat(output);
  const native = flags.target === Deno.build.target;
  const what = flags.failpoints
    ? "with failpoints, for tests only"
    : native
    ? await prove(output, flags)
    : `for ${flags.target}, not run here`;
  console.log(`${output} (${(size / 1e6).toFixed(1)} MB): ${what}`);
  return 0;
});

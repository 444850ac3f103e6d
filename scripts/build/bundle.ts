/**
 * The program as a few JavaScript files: what `deno compile` embeds, and what the suites run on the pinned Deno when
 * the compiled program has another one.
 *
 * Invariants: every module and package that the entry reaches is inside, workers included; main.js still registers its
 * signal listeners first and imports the rest dynamically; a worker that this file does not know fails the build. Not
 * minified: stack traces keep their names, and a smaller file starts no sooner (docs/decisions.md).
 *
 * @module
 */
import { BuildError, deno, ROOT, run, WORKERS } from "./project.ts";

/** What `--version` says of a build. */
export interface BuildStamp {
  readonly commit: string;
  readonly base: "official" | "foreign" | "none";
}

/** The entry points that can be built. */
export const ENTRIES = {
  service: "main.ts",
  failpoints: "tests/support/failpoints/main.ts",
} as const;
export type Entry = keyof typeof ENTRIES;

/** A bundle's files, as paths inside of its folder. */
export interface Bundle {
  readonly dir: string;
  readonly entry: string;
  readonly workers: readonly string[];
}

/** Outside of the bundle, so that its values can be the build's. */
const STAMP = "./build.json";
const TIMERS = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
];
const WORKER_URL = /new URL\("\.\/([\w.]+)\.ts", import\.meta\.url\)/g;

const toJs = (path: string) => path.replace(/\.ts$/, ".js");

/** Writes a bundle into an empty folder. @throws BuildError */
export async function bundle(
  entry: Entry,
  dir: string,
  stamp: BuildStamp,
): Promise<Bundle> {
  await Deno.remove(dir, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(dir, { recursive: true });
  await deno([
    ...["bundle", "--quiet", "--platform", "deno", "--code-splitting"],
    ...["--frozen", "--external", STAMP, "--outdir", dir],
    ENTRIES[entry],
    ...WORKERS,
  ], { env: { RUST_MIN_STACK: "16777216" } });
  await Deno.writeTextFile(`${dir}/build.json`, JSON.stringify(stamp));
  await finish(dir);
  return { dir, entry: toJs(ENTRIES[entry]), workers: WORKERS.map(toJs) };
}

/** What the bundler leaves to do, file by file. */
async function finish(dir: string): Promise<void> {
  const unplaced = new Set(WORKERS);
  for (const path of await scripts(dir)) {
    const text = await Deno.readTextFile(path);
    const finished = withNodeTimers(placeWorkers(text, unplaced));
    if (finished !== text) await Deno.writeTextFile(path, finished);
  }
  if (unplaced.size > 0) {
    throw new BuildError(
      `Cannot bundle: no code starts the worker ${[...unplaced].join(", ")}`,
    );
  }
}

async function scripts(dir: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory) found.push(...await scripts(`${dir}/${name}`));
    else if (name.endsWith(".js")) found.push(`${dir}/${name}`);
  }
  return found;
}

/** Points `new URL("./worker.ts", import.meta.url)` at where the bundler has put the worker. */
function placeWorkers(text: string, unplaced: Set<string>): string {
  return text.replace(WORKER_URL, (_match, file: string) => {
    const path = WORKERS.find((each) => each.endsWith(`/${file}.ts`));
    if (path === undefined) {
      throw new BuildError(
        `Cannot bundle: the program starts the worker ${file}.ts, which scripts/build/project.ts does not list`,
      );
    }
    unplaced.delete(path);
    return `new URL("./${toJs(path)}", import.meta.url)`;
  });
}

/**
 * Deno gives Node's timers to what it knows as an npm package. Bundled, a package is no longer known as one, and before
 * Deno 2.8 it gets the web's: numbers, without the `refresh` and `unref` that grpc-js calls.
 */
function withNodeTimers(text: string): string {
  const used = TIMERS.filter((name) => new RegExp(`\\b${name}\\(`).test(text));
  return used.length === 0
    ? text
    : `import { ${used.join(", ")} } from "node:timers";\n${text}`;
}

/** The commit of the sources, `-dirty` when they differ from it; `unknown` outside of a repository. */
export async function commitOfSources(): Promise<string> {
  try {
    const commit = await run("git", ["rev-parse", "--short=12", "HEAD"]);
    const changes = await run("git", ["status", "--porcelain"]);
    return commit.trim() + (changes.trim() === "" ? "" : "-dirty");
  } catch (error) {
    if (error instanceof BuildError || error instanceof Deno.errors.NotFound) {
      return "unknown";
    }
    throw error;
  }
}

/** Where the task `bundle` writes. */
export function bundleDir(entry: Entry): string {
  return `${ROOT}dist/bundle/${entry}`;
}

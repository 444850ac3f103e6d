/**
 * Which npm packages the program carries, and under which licences: read from the bundle itself, so what is only needed
 * by tests and scripts is not among them.
 *
 * @module
 */
import { bundle } from "./bundle.ts";
import { BuildError, deno } from "./project.ts";

/** A package inside of the program. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, as its package.json has it. */
  readonly licence: string;
  /** Its licence and notice files. */
  readonly texts: readonly string[];
}

/** The bundler's comment above each module that comes from a package. */
const MODULE = /^\/\/ \S*\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/]*)\//gm;

/** The packages of the program, by name. @throws BuildError */
export async function shippedPackages(): Promise<Package[]> {
  const dir = await Deno.makeTempDir({ prefix: "oms-packages-" });
  try {
    await bundle("service", dir, { commit: "unknown", base: "none" });
    const found = new Map<string, { name: string; version: string }>();
    for await (const { name: file } of Deno.readDir(dir)) {
      if (!file.endsWith(".js")) continue;
      const text = await Deno.readTextFile(`${dir}/${file}`);
      for (const [, name = "", version = ""] of text.matchAll(MODULE)) {
        found.set(`${name}@${version}`, { name, version });
      }
    }
    if (found.size === 0) {
      throw new BuildError(
        "Cannot list the packages: the bundle's comments name none",
      );
    }
    const cache = JSON.parse(await deno(["info", "--json"])).npmCache;
    const packages = await Promise.all(
      [...found.values()].map((each) => read(`${cache}`, each)),
    );
    return packages.sort((a, b) => a.name < b.name ? -1 : 1);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function read(
  cache: string,
  { name, version }: { name: string; version: string },
): Promise<Package> {
  const dir = await folderOf(cache, `${name}/${version}`);
  const manifest: { license?: unknown } = JSON.parse(
    await Deno.readTextFile(`${dir}/package.json`),
  );
  const names = [...Deno.readDirSync(dir)].map((entry) => entry.name)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  return {
    name,
    version,
    licence: typeof manifest.license === "string"
      ? manifest.license
      : "not stated",
    texts: await Promise.all(
      names.map((file) => Deno.readTextFile(`${dir}/${file}`)),
    ),
  };
}

/** The cache has one folder for each registry's host. */
async function folderOf(cache: string, packagePath: string): Promise<string> {
  for await (const { name: host } of Deno.readDir(cache)) {
    const dir = `${cache}/${host}/${packagePath}`;
    try {
      await Deno.stat(`${dir}/package.json`);
      return dir;
    } catch (error) {
      const missing = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory;
      if (!missing) throw error;
    }
  }
  throw new BuildError(
    `Cannot find ${packagePath} in ${cache}: run \`deno install\` first`,
  );
}

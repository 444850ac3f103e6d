/**
 * `deno task sbom`: dist/sbom.cdx.json, CycloneDX, by cdxgen from deno.lock.
 *
 * Invariants: every package of deno.lock is in it, in its version, or it is not written; the runtime that the program
 * is compiled onto is a component, too. Not promised: that each package is in the program: tests' packages are in the
 * lock file as well (THIRD_PARTY_LICENSES.md has the others).
 *
 * @module
 */
import { z } from "zod";
import { BuildError, main, ROOT, run, VERSION } from "./build/project.ts";

const CDXGEN = "@cyclonedx/cdxgen@12.8.4";
const OUTPUT = `${ROOT}dist/sbom.cdx.json`;

const Bom = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  components: z.array(z.looseObject({ purl: z.string() })),
});
const Lock = z.object({ npm: z.record(z.string(), z.unknown()) });

await main(async () => {
  const work = await Deno.makeTempDir({ prefix: "oms-sbom-" });
  try {
    for (const file of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(ROOT + file, `${work}/${file}`);
    }
    await run("npx", [
      ...["-y", CDXGEN, "--type", "deno", "--no-install-deps", "--no-babel"],
      ...["--spec-version", "1.6", "--project-name", "oms"],
      ...["--project-version", VERSION, "--output", `${work}/bom.json`, work],
    ], { cwd: work });
    const bom = Bom.parse(
      JSON.parse(await Deno.readTextFile(`${work}/bom.json`)),
    );
    const missing = (await locked()).filter((purl) =>
      !bom.components.some((each) => decodeURIComponent(each.purl) === purl)
    );
    if (missing.length > 0) {
      throw new BuildError(
        `Cannot write the SBOM: cdxgen has left out ${missing.join(", ")}`,
      );
    }
    const { deno: version } = Deno.version;
    bom.components.push({
      type: "platform",
      name: "deno",
      version,
      purl: `pkg:github/denoland/deno@v${version}`,
      "bom-ref": `pkg:github/denoland/deno@v${version}`,
      licenses: [{ license: { id: "MIT" } }],
    });
    await Deno.mkdir(`${ROOT}dist`, { recursive: true });
    await Deno.writeTextFile(OUTPUT, JSON.stringify(bom, null, 2));
    console.log(`${OUTPUT}: ${bom.components.length} components`);
    return 0;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
});

/** The lock file's packages as package URLs; what follows `_` in a key names its peers. */
async function locked(): Promise<string[]> {
  const text = await Deno.readTextFile(`${ROOT}deno.lock`);
  return Object.keys(Lock.parse(JSON.parse(text)).npm)
    .map((key) => `pkg:npm/${key.replace(/(?<=.@[^_]*)_.*$/, "")}`);
}

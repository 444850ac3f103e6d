/**
 * `deno task bundle [service|failpoints]`: the program and the tests' entry point as JavaScript, dist/bundle/.
 *
 * For the suites on the pinned Deno (`deno task test:bundle`): the code that is compiled, on the runtime that is
 * released.
 *
 * @module
 */
import { bundle, bundleDir, commitOfSources } from "./build/bundle.ts";
import { main } from "./build/project.ts";

await main(async ([only]) => {
  const stamp = { commit: await commitOfSources(), base: "none" } as const;
  const both = ["service", "failpoints"] as const;
  for (const entry of both) {
    if (only !== undefined && only !== entry) continue;
    const { dir, entry: file } = await bundle(entry, bundleDir(entry), stamp);
    console.log(`${dir}/${file}`);
  }
  return 0;
});

/**
 * `deno task bundle`: the program and the tests' entry point as JavaScript, dist/bundle/.
 *
 * For the suites on the pinned Deno (`deno task test:bundle`): the code that is compiled, on the runtime that is
 * released.
 *
 * @module
 */
import { bundle, bundleDir, commitOfSources } from "./build/bundle.ts";
import { main } from "./build/project.ts";

await main(async () => {
  const stamp = { commit: await commitOfSources(), base: "none" } as const;
  for (const entry of ["service", "failpoints"] as const) {
    const { dir, entry: file } = await bundle(entry, bundleDir(entry), stamp);
    console.log(`${dir}/${file}`);
  }
  return 0;
});

/** The shipped entry point has no failpoints. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The sources of the program, the client and the load tool as its sub-commands among them. */
const SHIPPED =
  /^(main\.ts|src\/|lib\/|deno\.json|tools\/(client|load)(\.ts|\/))/;

/** What the service starts in threads of their own. */
const WORKERS = [
  "src/lifecycle/watchdog_worker.ts",
  "src/storage/sqlite/worker.ts",
];

/** The local modules that an entry point reaches, as paths from the project's root. */
async function modulesOf(entry: string): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  const { modules } = JSON.parse(decoder.decode(stdout));
  return modules
    .map(({ specifier }: { specifier: string }) => specifier)
    .filter((specifier: string) => specifier.startsWith("file:"))
    .map((specifier: string) => fileURLToPath(specifier).slice(ROOT.length));
}

Deno.test("main.ts reaches no test code, and nothing that it reaches knows a failpoint", async () => {
  const modules = (await Promise.all(
    ["main.ts", ...WORKERS].map(modulesOf),
  )).flat();
  assert(modules.includes("src/app/service.ts"), "the graph is not whole");
  for (const path of modules) {
    assert(SHIPPED.test(path), path);
    const text = await Deno.readTextFile(ROOT + path);
    assert(!/failpoint/i.test(text), path);
  }
});

Deno.test("the test entry point differs from main.ts in its failpoints and the missing sub-commands only", async () => {
  const [main, failpoints] = await Promise.all([
    modulesOf("main.ts"),
    modulesOf("tests/support/failpoints/main.ts"),
  ]);
  const added = failpoints.filter((path) => !main.includes(path));
  assert(added.length > 0);
  for (const path of added) {
    assert(path.startsWith("tests/support/failpoints/"), path);
  }
  const left = main.filter((path) => !failpoints.includes(path));
  assert(left.includes("main.ts"));
  for (const path of left) {
    assert(
      /^(main\.ts$|src\/app\/cli\/|src\/grpc\/client|tools\/)/.test(path),
      path,
    );
  }
  // The listeners come first and in the same way.
  const head = (text: string) =>
    /^import .*\n\nconst signals = denoSignals\(\);\n/m.exec(text)?.[0];
  const first = head(await Deno.readTextFile(`${ROOT}main.ts`));
  assert(first !== undefined);
  assertEquals(
    head(await Deno.readTextFile(`${ROOT}tests/support/failpoints/main.ts`)),
    first,
  );
});

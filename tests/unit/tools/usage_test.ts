/** Every tool that a task runs tells a wrong command line from a failure. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import manifest from "../../../deno.json" with { type: "json" };

const TOOLS = Object.entries(manifest.tasks)
  .filter(([, { command }]) => /^deno run .*\btools\/\w+\.ts$/.test(command))
  .map(([name, { command }]) => ({ name, words: command.split(" ").slice(1) }));

async function run(words: readonly string[], ...args: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...words, ...args],
    cwd: new URL("../../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
  }).output();
  return { code, err: new TextDecoder().decode(stderr) };
}

Deno.test("a wrong command line of a tool ends with 2, names what is wrong and where help is; --help ends with 0", async (t) => {
  assert(TOOLS.length >= 7, "it reads the tasks");
  for (const { name, words } of TOOLS) {
    await t.step(name, async () => {
      const wrong = await run(words, "--", "--no-such-flag");
      assertEquals(wrong.code, 2, wrong.err);
      assertStringIncludes(wrong.err, "--no-such-flag");
      assertStringIncludes(wrong.err, "(--help lists what there is)");
      assertEquals((await run(words, "--help")).code, 0);
    });
  }
});

Deno.test("a value that a tool cannot take ends with 2 and says what to write", async () => {
  for (const name of ["demo", "chaos"]) {
    const tool = TOOLS.find((each) => each.name === name);
    assert(tool !== undefined, name);
    const { code, err } = await run(tool.words, "--rps", "many");
    assertEquals(code, 2, err);
    assertStringIncludes(err, "a whole number is needed");
  }
});

/** What a build refuses, and what the tests take from the Dockerfile. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BuildError, permissions } from "../../../scripts/build/project.ts";
import { readDockerfile } from "../../../scripts/image/dockerfile.ts";
import { parseTask } from "../../support/service_command.ts";
import manifest from "../../../deno.json" with { type: "json" };
import { withTempDir } from "../../support/temp_dir.ts";

const ROOT = new URL("../../../", import.meta.url);

async function task(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; err: string }> {
  const [program = "", ...words] = parseTask(manifest, name);
  const { code, stderr } = await new Deno.Command(program, {
    args: [...words, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  }).output();
  return { code, err: new TextDecoder().decode(stderr) };
}

Deno.test("a base from the environment is refused: the program would say base=official", async () => {
  const { code, err } = await task("compile", ["--output", "/nowhere/oms"], {
    DENORT_BIN: "/bin/true",
  });
  assertEquals(code, 1);
  assertStringIncludes(err, "DENORT_BIN is set");
});

Deno.test("the foreign base is for one platform only", async () => {
  const { code, err } = await task("compile", [
    "--allow-foreign-base",
    ...["--target", "aarch64-unknown-linux-gnu"],
  ]);
  assertEquals(code, 1);
  assertStringIncludes(err, "x86_64-unknown-linux-gnu only");
});

Deno.test("release:check takes no other flag than the one for a local proof", async () => {
  const { code, err } = await task("release:check", ["--allow-foreign-base"]);
  assertEquals(code, 1);
  assertStringIncludes(err, "--foreign-base-for-a-local-proof");
});

Deno.test("the program's permissions are those of the task run, listed", () => {
  assertEquals(
    permissions(),
    parseTask(manifest, "run").filter((word) => word.startsWith("--allow-")),
  );
});

Deno.test("a Dockerfile is read from its last stage, continued lines and quoted values included", async () => {
  await withTempDir((dir) => {
    const path = `${dir}/Dockerfile`;
    const text = (entrypoint: string) =>
      `FROM a AS build
USER 1:1
FROM b
# A comment
LABEL x.title="two words" \\
      x.plain=one
ENV A=1 B=:2
USER 5:6
WORKDIR /w
VOLUME ["/v"]
EXPOSE 1 2
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=1s CMD ["/p", "check"]
ENTRYPOINT ${entrypoint}
`;
    Deno.writeTextFileSync(path, text('["/p"]'));
    assertEquals(readDockerfile(path), {
      base: "b",
      user: "5:6",
      workdir: "/w",
      entrypoint: ["/p"],
      env: { A: "1", B: ":2" },
      labels: { "x.title": "two words", "x.plain": "one" },
      ports: ["1", "2"],
      volumes: ["/v"],
      stopSignal: "SIGTERM",
      healthcheck: ["/p", "check"],
    });
    Deno.writeTextFileSync(path, text("/p"));
    assertThrows(() => readDockerfile(path), BuildError, "no shell");
    Deno.writeTextFileSync(path, "FROM b\n");
    assertThrows(() => readDockerfile(path), BuildError, "no USER");
    return Promise.resolve();
  });
});

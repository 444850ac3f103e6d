/** The image as a registry would get it, and the build stage that makes its program. */
import { assert, assertEquals } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { findCrane } from "../../scripts/image/crane.ts";
import { readDockerfile } from "../../scripts/image/dockerfile.ts";
import { writeLayout } from "../../scripts/image/layout.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { imageRoot } from "./image_root.ts";

const IMAGE = readDockerfile();
/** crane is built by Go; a machine without both says `ignored`. */
const CRANE = await findCrane();
const ROOT = new URL("../../", import.meta.url);

async function blob(dir: string, digest: string): Promise<string> {
  return await Deno.readTextFile(`${dir}/blobs/${digest.replace(":", "/")}`);
}

/** Lines of `tar --list --verbose`. */
async function listing(dir: string, digest: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("tar", {
    args: [
      ...["--list", "--verbose", "--gzip", "--numeric-owner", "--file"],
      `${dir}/blobs/${digest.replace(":", "/")}`,
    ],
  }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

Deno.test(
  "the OCI layout has the Dockerfile's user, entrypoint and environment; no shell, nothing setuid, one folder of the user's",
  {
    ignore: CRANE === null,
  },
  async () => {
    await withTempDir(async (work) => {
      const dir = `${work}/layout`;
      await writeLayout(CRANE ?? "", await imageRoot(), dir, "abc123");
      const index = JSON.parse(await Deno.readTextFile(`${dir}/index.json`));
      const image = JSON.parse(await blob(dir, index.manifests[0].digest));
      const { config, os, architecture } = JSON.parse(
        await blob(dir, image.config.digest),
      );
      assertEquals([os, architecture], ["linux", "amd64"]);
      assertEquals(config.User, IMAGE.user);
      assertEquals(config.Entrypoint, [...IMAGE.entrypoint]);
      assertEquals(config.Cmd ?? null, null);
      assertEquals(config.WorkingDir, IMAGE.workdir);
      for (const [name, value] of Object.entries(IMAGE.env)) {
        assert(config.Env.includes(`${name}=${value}`), `${config.Env}`);
      }
      const label = (name: string) =>
        config.Labels[`org.opencontainers.image.${name}`];
      assertEquals(label("version"), manifest.version);
      assertEquals(label("revision"), "abc123");
      const entries = (await Promise.all(
        image.layers.map(({ digest }: { digest: string }) =>
          listing(dir, digest)
        ),
      )).flat() as string[];
      assert(entries.length > 10, entries.join("\n"));
      for (const entry of entries) {
        assert(!/^[-d]\S*s/i.test(entry), `setuid or setgid: ${entry}`);
        assert(!/\/(ba|da|a)?sh$|busybox/.test(entry), `a shell: ${entry}`);
      }
      const owned = entries.filter((entry) => !/^\S+ 0\/0 /.test(entry));
      assertEquals(owned.length, 1, owned.join("\n"));
      assert(
        /^drwx\S+ 65532\/65532 .* \.\/data\/$/.test(owned[0] ?? ""),
        owned[0],
      );
    });
  },
);

Deno.test("the Dockerfile copies all that the build needs, and .dockerignore lets it through", async () => {
  await withTempDir(async (stage) => {
    const text = await Deno.readTextFile(new URL("Dockerfile", ROOT));
    const copied = [...text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)]
      .flatMap(([, sources = ""]) => sources.split(" "));
    const ignored = await Deno.readTextFile(new URL(".dockerignore", ROOT));
    for (const source of copied) {
      assert(
        ignored.includes(`\n!${source}\n`),
        `.dockerignore keeps ${source} out`,
      );
      const { success } = await new Deno.Command("cp", {
        args: ["-r", new URL(source, ROOT).pathname, `${stage}/${source}`],
      }).output();
      assert(success, source);
    }
    // The bundle is all of the build that reads the sources; the base is another matter.
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "bundle", "service"],
      cwd: stage,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const stamp = await Deno.readTextFile(
      `${stage}/dist/bundle/service/build.json`,
    );
    assertEquals(JSON.parse(stamp), { commit: "unknown", base: "none" });
  });
});

/**
 * The image as an OCI layout, without Docker: the root's layers, and the Dockerfile's settings as its configuration.
 *
 * Invariants: the same root gives the same layers (times, owners and order are fixed); three layers, so that a new
 * program does not move the libraries again. Not promised: STOPSIGNAL and HEALTHCHECK: crane cannot set the first
 * (SIGTERM is the default), the second is no part of OCI.
 *
 * @module
 */
import { dirname } from "node:path";
import { run, VERSION } from "../build/project.ts";
import { startRegistry } from "./crane.ts";
import { type ImageSettings, readDockerfile } from "./dockerfile.ts";

/** Writes the layout of a root into a folder. @throws BuildError */
export async function writeLayout(
  crane: string,
  root: string,
  dir: string,
  commit: string,
  settings: ImageSettings = readDockerfile(),
): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "oms-layers-" });
  try {
    const layers = await writeLayers(root, work, settings);
    await using registry = await startRegistry(crane);
    const name = `${registry.host}/oms:${VERSION}`;
    await run(crane, [
      ...["append", "--oci-empty-base", "--new_tag", name],
      ...layers.flatMap((layer) => ["--new_layer", layer]),
    ]);
    await run(crane, [
      "mutate",
      name,
      "--tag",
      name,
      ...flags(settings, commit),
    ]);
    await run(crane, ["pull", "--format=oci", name, dir]);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

function flags(settings: ImageSettings, commit: string): string[] {
  const { user, workdir, entrypoint, env, labels, ports } = settings;
  const args: Record<string, string> = { VERSION, COMMIT: commit };
  const filled = (text: string) =>
    text.replaceAll(/\$\{(\w+)\}/g, (_match, name) => args[name] ?? "");
  const pairs = (flag: string, values: Readonly<Record<string, string>>) =>
    Object.entries(values).flatMap((
      [name, value],
    ) => [flag, `${name}=${filled(value)}`]);
  return [
    ...["--user", user, "--workdir", workdir],
    ...["--entrypoint", entrypoint.join(",")],
    ...["--exposed-ports", ports.map((port) => `${port}/tcp`).join(",")],
    ...["--set-platform", "linux/amd64"],
    ...pairs("--env", env),
    ...pairs("--label", labels),
  ];
}

/** The base, the volume (the only thing that the image's user owns), the program. */
async function writeLayers(
  root: string,
  work: string,
  { user, volumes, entrypoint }: ImageSettings,
): Promise<string[]> {
  const inside = (path: string) => `.${path}`;
  const [program = ""] = entrypoint;
  const layer = async (name: string, owner: string, args: string[]) => {
    const [uid, gid] = owner.split(":");
    await run("tar", [
      ...["--create", "--file", `${work}/${name}.tar`, "--directory", root],
      ...["--sort=name", "--mtime=@0", "--numeric-owner"],
      ...[`--owner=${uid}`, `--group=${gid}`],
      ...args,
    ]);
    return `${work}/${name}.tar`;
  };
  return [
    await layer("base", "0:0", [
      ...[inside(program), ...volumes.map(inside)].map((path) =>
        `--exclude=${path}`
      ),
      ".",
    ]),
    await layer("volume", user, ["--no-recursion", ...volumes.map(inside)]),
    await layer("program", "0:0", [
      "--no-recursion",
      inside(dirname(program)),
      inside(program),
    ]),
  ];
}

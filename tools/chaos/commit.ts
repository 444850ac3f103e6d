/** Which code a run was of. */
import { run } from "../../tests/support/run_program.ts";

export interface Commit {
  /** Abbreviated; null outside of a git repository. */
  readonly id: string | null;
  /** True: files of the service or of the tools differ from it. */
  readonly modified: boolean;
}

/** What a commit's behaviour depends on. */
const SOURCES = ["main.ts", "src", "lib", "tools", "tests", "deno.json"];

export async function currentCommit(): Promise<Commit> {
  const id = await git("rev-parse", "--short=12", "HEAD");
  const changes = await git("status", "--porcelain", "--", ...SOURCES);
  return { id, modified: changes !== null && changes !== "" };
}

/** Null when it fails. */
async function git(...args: string[]): Promise<string | null> {
  const ran = await run("git", args);
  return ran?.success ? ran.stdout.trim() : null;
}

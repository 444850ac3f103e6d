/** Where a test of real processes cannot run; it then says `ignored`. */
import { serviceRuntime } from "../support/service_command.ts";

/** Windows has no signals that a process could be stopped by in order. */
export const NO_SIGNALS = Deno.build.os === "windows";
/** /proc, and the options of util-linux. */
export const NOT_LINUX = Deno.build.os !== "linux";
/** The service runs on a Deno whose stop is known to be weaker than the pinned one's (docs/decisions.md, One file). */
export const WEAKER_RUNTIME = /^2\.7\./.test(serviceRuntime());

/** How many files a process of this user may have open: Deno raises its own limit to the hard one. */
export function openFilesLimit(): number {
  if (NO_SIGNALS) return Infinity;
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] })
    .outputSync();
  const limit = Number(new TextDecoder().decode(stdout));
  // `unlimited`
  return Number.isNaN(limit) ? Infinity : limit;
}

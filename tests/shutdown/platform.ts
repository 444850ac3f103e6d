/** Where a test of real processes cannot run; it then says `ignored`. */
import { serviceRuntime } from "../support/service_command.ts";

/** Windows has no signals that a process could be stopped by in order. */
export const NO_SIGNALS = Deno.build.os === "windows";
/** /proc, and the options of util-linux. */
export const NOT_LINUX = Deno.build.os !== "linux";
/** The service runs on a Deno whose stop is known to be weaker than the pinned one's (docs/decisions.md, One file). */
export const WEAKER_RUNTIME = /^2\.7\./.test(serviceRuntime());

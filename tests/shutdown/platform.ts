/** Where a test of real processes cannot run; it then says `ignored`. */

/** Windows has no signals that a process could be stopped by in order. */
export const NO_SIGNALS = Deno.build.os === "windows";
/** /proc, and the options of util-linux. */
export const NOT_LINUX = Deno.build.os !== "linux";

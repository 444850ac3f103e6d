/** What this build is. The version is deno.json's, the one place for it. */
import manifest from "../../deno.json" with { type: "json" };

export const VERSION: string = manifest.version;
/** Set by the build where there is one; a run from the sources has no single commit. */
export const COMMIT = "unknown";
export const RUNTIME = `deno ${Deno.version.deno}`;

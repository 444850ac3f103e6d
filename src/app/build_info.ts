/**
 * What this build is. The version is deno.json's, the one place for it; commit and base stand in build.json, which a
 * compiled program carries with the values of its build (scripts/build/bundle.ts). As committed it says that the
 * program runs from its sources, which have no single commit.
 */
import manifest from "../../deno.json" with { type: "json" };
import build from "./build.json" with { type: "json" };

export const VERSION: string = manifest.version;
export const COMMIT: string = build.commit;
/**
 * What the program was compiled onto: `official` is the runtime of the Deno that compiled it, `foreign` another one,
 * for a local proof only, `none` means that it is not compiled.
 */
export const BASE: string = build.base;
export const RUNTIME = `deno ${Deno.version.deno}`;

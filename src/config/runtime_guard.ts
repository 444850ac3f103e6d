/**
 * Refuses runtimes that are known to break the service.
 *
 * Invariant: imports nothing but what imports nothing, so that it can run before the rest is loaded.
 * Measured good: 2.7.11, 2.7.14, 2.8.0, 2.8.3, 2.9.0, 2.9.3. Not promised: that
 * a version between those which was never measured works.
 */

import { parseFlag } from "./flag.ts";

/** Whether a runtime will do. */
export type RuntimeVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly message: string };

/** The variable that overrides the guard. */
export const RUNTIME_OVERRIDE = "OMS_ALLOW_UNSUPPORTED_RUNTIME";

type Version = readonly [major: number, minor: number, patch: number];

const FIRST_GOOD: Version = [2, 7, 0];
const FIRST_BROKEN: Version = [2, 9, 4];

const ADVICE =
  `Use Deno 2.8.3, or set ${RUNTIME_OVERRIDE}=true to start at your own risk.`;

/**
 * Judges a Deno version.
 *
 * @param version as `Deno.version.deno`
 * @param override true when the operator has set RUNTIME_OVERRIDE
 */
export function checkRuntime(
  version: string,
  override: boolean,
): RuntimeVerdict {
  if (override) return { ok: true };
  const parsed = parse(version);
  if (parsed === undefined) {
    return refuse(`"${version}" is not a version that can be judged.`);
  }
  if (isBelow(parsed, FIRST_GOOD)) {
    return refuse(
      `Deno ${version} is too old: its HTTP/2 hangs with a gRPC server (2.5 and 2.6 measured).`,
    );
  }
  if (!isBelow(parsed, FIRST_BROKEN)) {
    return refuse(
      `Deno ${version} aborts the whole process when an HTTP/2 client closes its connection (denoland/deno#36788, 2.9.4 and later).`,
    );
  }
  return { ok: true };
}

/** Whether the text of RUNTIME_OVERRIDE switches the guard off. */
export function isRuntimeOverride(text: string | undefined): boolean {
  return parseFlag(text ?? "") ?? false;
}

function refuse(why: string): RuntimeVerdict {
  return {
    ok: false,
    message: `Cannot run on this runtime: ${why} ${ADVICE}`,
  };
}

function parse(version: string): Version | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version.trim());
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

function isBelow(a: Version, b: Version): boolean {
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

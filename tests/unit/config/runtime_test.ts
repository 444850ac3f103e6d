import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { checkRuntime, isRuntimeOverride } from "../../../src/config.ts";

Deno.test("F61 a runtime that aborts or hangs is refused with the reason", () => {
  const refused: Record<string, string> = {
    "2.9.4": "denoland/deno#36788",
    "2.9.8": "denoland/deno#36788",
    "2.10.0": "denoland/deno#36788",
    "3.0.0": "denoland/deno#36788",
    "2.9.4-rc.1": "denoland/deno#36788",
    "2.6.10": "too old",
    "1.46.3": "too old",
    "next": "not a version",
  };
  for (const [version, reason] of Object.entries(refused)) {
    const verdict = checkRuntime(version, false);
    assertFalse(verdict.ok, version);
    assertStringIncludes(verdict.message, reason);
    assertStringIncludes(verdict.message, version);
    assertStringIncludes(verdict.message, "OMS_ALLOW_UNSUPPORTED_RUNTIME=true");
    assertEquals(checkRuntime(version, true), { ok: true });
  }
});

Deno.test("F61 runtimes that were measured good are taken, ours too", () => {
  for (
    const version of [
      "2.7.0",
      "2.7.14",
      "2.8.3",
      "2.9.0",
      "2.9.3",
      "2.8.3+abc",
    ]
  ) {
    assertEquals(checkRuntime(version, false), { ok: true }, version);
  }
  assertEquals(checkRuntime(Deno.version.deno, false), { ok: true });
});

Deno.test("F61 the override is read before the rest of the environment", () => {
  assertEquals(["yes", "1", "TRUE", " true "].map(isRuntimeOverride), [
    true,
    true,
    true,
    true,
  ]);
  assertEquals([undefined, "", "false", "si"].map(isRuntimeOverride), [
    false,
    false,
    false,
    false,
  ]);
});

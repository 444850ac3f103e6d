import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ReportJson, writeTerminationLog } from "@oms/lifecycle";
import { withTempDir } from "../../support/temp_dir.ts";
import { NO_SIGNALS } from "./process.ts";

const REPORT: ReportJson = {
  reason: "SIGTERM",
  detail: "received SIGTERM",
  started_at: "2026-01-01T00:00:00.000Z",
  duration_ms: 5,
  exit_code: 0,
  outcome: "clean",
  phases: [],
  leftover: [],
};

Deno.test("the report replaces what the file held", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/log`;
    writeTerminationLog(path, { ...REPORT, exit_code: 3 });
    writeTerminationLog(path, REPORT);
    assertEquals(JSON.parse(await Deno.readTextFile(path)), REPORT);
  });
});

Deno.test("a termination log that is a pipe is refused, not waited for", {
  ignore: NO_SIGNALS,
}, async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const error = assertThrows(() => writeTerminationLog(path, REPORT), Error);
    assertStringIncludes(error.message, "no regular file");
  });
});

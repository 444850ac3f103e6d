import { assertEquals } from "@std/assert";
import { DirectoryLock } from "../../../src/storage/sqlite/lock.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const PROCESSES = 100;
/** Between two looks at what the other thread says. */
const TAKES = 20;

Deno.test("F32 a released lock is free at once, whatever processes are being started", async () => {
  await withTempDir(async (dir) => {
    let ended = 0;
    const refusals: string[] = [];
    const starter = new Worker(
      new URL("../../support/process_starter.ts", import.meta.url),
      { type: "module" },
    );
    starter.onmessage = () => ended += 1;
    try {
      while (ended < PROCESSES) {
        for (let i = 0; i < TAKES; i++) {
          try {
            DirectoryLock.take(dir).release();
          } catch (error) {
            refusals.push(String(error));
          }
        }
        await new Promise((next) => setTimeout(next, 0));
      }
      assertEquals(refusals, []);
    } finally {
      starter.terminate();
    }
  });
});

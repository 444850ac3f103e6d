import { assert, assertEquals } from "@std/assert";
import { followWallClock } from "../../support/failpoints/wall_clock.ts";
import { WallClockFile } from "../../support/failpoints/wall_clock_file.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOUR_MS = 3_600_000;
const NEAR_MS = 60_000;

Deno.test("the wall clock follows its file, forwards and backwards; monotonic time and given times do not", async () => {
  await withTempDir(async (dir) => {
    const machine = Date;
    const ahead = () => Date.now() - machine.now();
    const path = `${dir}/clock`;
    const file = new WallClockFile(path);
    {
      using _ = followWallClock(path);
      assert(Math.abs(ahead()) < NEAR_MS);
      for (const offset of [HOUR_MS, -HOUR_MS]) {
        const monotonic = performance.now();
        file.move(offset);
        await until(
          "a moved clock",
          () => Math.abs(ahead() - offset) < NEAR_MS,
        );
        const now = new Date().getTime() - machine.now();
        assert(Math.abs(now - offset) < NEAR_MS);
        assert(performance.now() - monotonic < NEAR_MS);
        assertEquals(new Date(5).getTime(), 5);
        assert(new Date() instanceof Date);
      }
    }
    assertEquals(Date, machine);
  });
});

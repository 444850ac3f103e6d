/** Parts that misbehave while the process stops: each costs its own phase at most, and is named. */
import { assertEquals } from "@std/assert";
import { harness, never, phase } from "./harness.ts";

Deno.test("F08 a throwing abort listener of a phase is told to the log, and the phases go on", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([
      phase("slow", {
        run: (signal) => {
          signal.addEventListener("abort", () => {
            throw new Error("broken");
          });
          return never();
        },
      }),
      phase("last"),
    ])
  );
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals(report.phases.map((each) => each.outcome), [
    "timed_out",
    "done",
  ]);
  const told = h.lines.find(({ msg }) => msg === "abort listener threw");
  assertEquals([told?.level, told?.fields], [
    "error",
    { scope: "slow", error: "broken" },
  ]);
});

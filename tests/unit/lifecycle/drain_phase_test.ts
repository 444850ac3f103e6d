/** The ready-made phase that drains a group of tasks. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  drainPhase,
  type TaskContext,
  TaskGroup,
  TaskGroupClosedError,
} from "@oms/lifecycle";
import { type Harness, harness } from "./harness.ts";

type Work = (context: TaskContext) => Promise<void>;

/** A lifecycle whose stop drains one task within 1 s. */
async function draining(choose: (h: Harness) => Work) {
  const h = harness({ tasks: () => group.pending() });
  const { clock, lifecycle } = h;
  const { hard, stopping } = lifecycle;
  const group = new TaskGroup({ name: "jobs", clock, scope: hard, stopping });
  const report = lifecycle.run(() => {
    group.spawn("one", choose(h));
    lifecycle.ready([drainPhase(group, { budgetMs: 1_000, clock })]);
  });
  await clock.flush();
  h.signals.send("SIGTERM");
  await clock.flush();
  return { ...h, group, report };
}

Deno.test("a group that drains in time: closed first, then awaited, exit 0", async () => {
  const { clock, group, report, messages } = await draining(({ clock }) => () =>
    clock.sleep(999)
  );
  assertThrows(() => group.spawn("late", () => {}), TaskGroupClosedError);
  const { exitCode, phases } = await clock.settle(report);
  assertEquals([exitCode, phases[0]?.outcome], [0, "done"]);
  assertEquals(phases[0]?.durationMs, 999);
  assertEquals(messages().at(-2), "jobs drained");
  assertEquals(clock.timerCount, 0);
});

Deno.test("a group that runs out: its tasks alone are aborted, awaited and named, exit 3", async () => {
  let ended = 0;
  const { clock, lifecycle, report } = await draining(
    ({ clock }) => async ({ signal }) => {
      await clock.sleep(60_000, signal).catch(() => clock.sleep(100));
      ended = clock.now();
    },
  );
  const other = lifecycle.hard.child("other");
  const started = clock.now();
  await clock.advance(1_050);
  assertEquals([other.aborted, lifecycle.hard.aborted], [false, false]);
  const { exitCode, phases, leftover } = await clock.settle(report);
  assertEquals(ended - started, 1_100);
  assertEquals([exitCode, phases[0]?.outcome], [3, "timed_out"]);
  assertEquals(phases[0]?.details, { still_running: 0 });
  assertEquals(leftover.map(({ name }) => name), ["jobs/one"]);
});

Deno.test("F08 a drained task that ignores its signal costs the budget and 250 ms, and is counted", async () => {
  const { clock, report } = await draining(() => () => new Promise(() => {}));
  const { exitCode, phases, durationMs } = await clock.settle(report);
  assertEquals([exitCode, durationMs], [3, 1_250]);
  assertEquals(phases[0]?.details, { still_running: 1 });
  assertEquals(phases[0]?.errors.length, 1);
});

Deno.test("F04 a drain that a further signal forces ends at once and names what ran", async () => {
  const { clock, signals, report } = await draining(
    ({ clock }) => ({ signal }) => clock.sleep(60_000, signal),
  );
  await clock.advance(600);
  signals.send("SIGINT");
  const { exitCode, leftover, durationMs } = await clock.settle(report);
  assertEquals([exitCode, durationMs], [130, 600]);
  assertEquals(leftover.map(({ name }) => name), ["jobs/one"]);
});

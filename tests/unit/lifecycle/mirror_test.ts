import { assertEquals } from "@std/assert";
import { harness, phase } from "./harness.ts";

Deno.test("onState can be taken back", async () => {
  const h = harness();
  let calls = 0;
  h.lifecycle.onState(() => calls++)[Symbol.dispose]();
  const done = h.lifecycle.run(() => h.lifecycle.ready([]));
  h.lifecycle.requestStop("a test");
  await h.clock.settle(done);
  assertEquals(calls, 0);
});

Deno.test("the watchdog is told of each change and released at the end", async () => {
  const views: string[] = [];
  let disposed = 0;
  const h = harness({
    tasks: () => [{ name: "t", ageMs: 1, stepAgeMs: 1, labels: {} }],
    watchdog: {
      update: (view) => {
        views.push(
          `${view.state} ${view.phase ?? "-"} ${view.leftover.length}`,
        );
      },
      [Symbol.dispose]: () => void disposed++,
    },
  });
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([phase("a", { run: () => h.clock.sleep(300) })])
  );
  await h.clock.advance(1000);
  h.signals.send("SIGTERM");
  await h.clock.settle(done);
  assertEquals(views.filter((view, i) => view !== views[i - 1]), [
    "Ready - 1",
    "Draining - 1",
    "Draining a 1",
    "Draining - 1",
    "Stopping - 1",
    "Stopped - 1",
  ]);
  assertEquals([disposed, h.clock.timerCount], [1, 0]);
});

import { assertEquals } from "@std/assert";
import { harness, never, phase } from "./harness.ts";

const failing = () => Promise.reject(new Error("broken"));
const EXIT_CODES = [
  { name: "all done", phases: [phase("a")], code: 0, outcome: "clean" },
  {
    name: "a harmless phase failed",
    phases: [phase("a", { run: failing })],
    code: 0,
    outcome: "clean",
  },
  {
    name: "a harmless phase ran out",
    phases: [phase("a", { run: never })],
    code: 0,
    outcome: "clean",
  },
  {
    name: "work was cut off",
    phases: [phase("a", { run: never, cutOff: true })],
    code: 3,
    outcome: "cut_off",
  },
  {
    name: "a grave failure",
    phases: [phase("a", { run: failing, failureExit: "cutoff" as const })],
    code: 3,
    outcome: "cut_off",
  },
  {
    name: "cut off, then fatal",
    phases: [phase("a", { run: never, cutOff: true })],
    fatal: true,
    code: 1,
    outcome: "failed",
  },
  {
    name: "cut off, fatal, then forced",
    phases: [
      phase("a", { run: never, cutOff: true }),
      phase("b", { run: never }),
    ],
    fatal: true,
    force: true,
    code: 130,
    outcome: "forced",
  },
];
for (const { name, phases, code, outcome, fatal, force } of EXIT_CODES) {
  Deno.test(`exit code ${code}: ${name}`, async () => {
    const h = harness();
    const done = h.lifecycle.run(() => h.lifecycle.ready(phases));
    h.signals.send("SIGTERM");
    await h.clock.advance(fatal ? 900 : 0);
    if (fatal) h.lifecycle.fatal(new Error("loop died"));
    if (force) h.signals.send("SIGINT");
    const report = await h.clock.settle(done);
    assertEquals([report.exitCode, report.outcome], [code, outcome]);
    assertEquals(report.error?.message, fatal ? "loop died" : undefined);
    assertEquals(h.states.at(-1), code === 1 ? "Failed" : "Stopped");
    assertEquals(h.clock.timerCount, 0);
  });
}

Deno.test("F16 fatal walks the same phases, exit code 1, the first error kept", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([phase("a"), phase("b", { stage: "close" })])
  );
  h.lifecycle.fatal(new Error("first"));
  h.lifecycle.fatal("second");
  const report = await h.clock.settle(done);
  assertEquals(h.messages(), [
    "fatal error",
    "shutdown started",
    "fatal error",
    "a ended",
    "b ended",
    "shutdown complete",
  ]);
  assertEquals([report.exitCode, report.error?.message], [1, "first"]);
  assertEquals(report.reason.kind, "fatal");
});

Deno.test("a first SIGTERM during a fatal stop does not force it", async () => {
  const h = harness();
  const done = h.lifecycle.run(() =>
    h.lifecycle.ready([phase("a", { run: () => h.clock.sleep(900) })])
  );
  h.lifecycle.fatal(new Error("x"));
  await h.clock.advance(600);
  h.signals.send("SIGTERM");
  const report = await h.clock.settle(done);
  assertEquals([report.exitCode, report.durationMs], [1, 900]);
});

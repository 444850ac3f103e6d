import { assertEquals } from "@std/assert";
import {
  exitWhenIdle,
  installFatalHandlers,
  type ShutdownReport,
  superviseLoop,
  TaskGroup,
} from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";
import { harness, phase } from "./harness.ts";

function report(fields: Partial<ShutdownReport>): ShutdownReport {
  return {
    reason: { kind: "requested", by: "a test" },
    startedAtMs: 0,
    durationMs: 0,
    exitCode: 0,
    outcome: "clean",
    phases: [],
    leftover: [],
    ...fields,
  };
}

/** As the runtime would: an event that somebody may claim. */
function raise(error: unknown): boolean {
  const event = new ErrorEvent("error", { error, cancelable: true });
  return !globalThis.dispatchEvent(event);
}

Deno.test("F16 an unhandled rejection and an uncaught error are fatal, and claimed", async () => {
  const fatal: string[] = [];
  using _handlers = installFatalHandlers({
    fatal: (error) => fatal.push(String(error)),
  });
  Promise.reject(new Error("nobody cares"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  const claimed = raise(new Error("uncaught"));
  assertEquals(fatal, ["Error: nobody cares", "Error: uncaught"]);
  assertEquals(claimed, true);
});

Deno.test("F58 a known harmless error stops nothing; a broken filter lets none through", () => {
  const fatal: unknown[] = [];
  const harmless: string[] = [];
  {
    using _handlers = installFatalHandlers({ fatal: (e) => fatal.push(e) }, {
      isHarmless: (error) => error.message === "known",
      onHarmless: (error) => harmless.push(error.message),
    });
    raise(new Error("known"));
    assertEquals([fatal.length, harmless], [0, ["known"]]);
  }
  using _handlers = installFatalHandlers({ fatal: (e) => fatal.push(e) }, {
    isHarmless: () => {
      throw new Error("broken filter");
    },
  });
  raise(new Error("known"));
  assertEquals(fatal.length, 1);
});

Deno.test("disposed handlers hear nothing", () => {
  let calls = 0;
  installFatalHandlers({ fatal: () => calls++ })[Symbol.dispose]();
  const swallow = (event: Event) => event.preventDefault();
  globalThis.addEventListener("error", swallow);
  raise(new Error("x"));
  globalThis.removeEventListener("error", swallow);
  assertEquals(calls, 0);
});

for (const how of ["fails", "ends", "stops"] as const) {
  Deno.test(`F16 a supervised loop that ${how}: ${how === "stops" ? "clean" : "fatal, exit 1"}`, async () => {
    const h = harness();
    const { clock, lifecycle } = h;
    const group = new TaskGroup({
      name: "loops",
      clock,
      scope: lifecycle.hard,
      stopping: lifecycle.stopping,
    });
    const done = lifecycle.run(() => {
      superviseLoop(lifecycle, group, "relay", async ({ stopping }) => {
        await clock.sleep(50);
        if (how === "fails") throw new Error("disk gone");
        if (how === "ends") return;
        while (!stopping.aborted) await clock.sleep(10);
      });
      lifecycle.ready([
        phase("loops", {
          run: (_signal, deadline) => {
            group.close();
            return group.join(deadline);
          },
        }),
      ]);
    });
    await clock.advance(100);
    if (how === "stops") h.signals.send("SIGTERM");
    const { exitCode, error } = await clock.settle(done);
    assertEquals(
      [exitCode, error?.message],
      {
        fails: [1, "Loop loops/relay failed: disk gone"],
        ends: [1, "Loop loops/relay ended although nothing stops it"],
        stops: [0, undefined],
      }[how],
    );
  });
}

Deno.test("an orderly end sets the code and exits only if something holds the process", async () => {
  const clock = new FakeClock();
  const codes: number[] = [];
  const exits: number[] = [];
  const logged: string[] = [];
  exitWhenIdle(report({ exitCode: 3, outcome: "cut_off" }), {
    clock,
    log: (_level, msg) => void logged.push(msg),
    setExitCode: (code) => void codes.push(code),
    exit: (code) => void exits.push(code),
    leftMs: 200,
  });
  assertEquals([codes, exits, logged], [[3], [], []]);
  await clock.advance(200);
  assertEquals([exits, logged.length], [[3], 1]);
});

Deno.test("a forced end exits at once", () => {
  const clock = new FakeClock();
  const exits: number[] = [];
  exitWhenIdle(report({ exitCode: 143, outcome: "forced" }), {
    clock,
    log: () => {},
    setExitCode: () => {},
    exit: (code) => void exits.push(code),
  });
  assertEquals([exits, clock.timerCount], [[143], 0]);
});

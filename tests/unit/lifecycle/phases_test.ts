import { assert, assertEquals } from "@std/assert";
import {
  CancelScope,
  Deadline,
  END_ACTION_MS,
  type PendingTask,
  type Phase,
  type PhaseResult,
  PhaseTimeoutError,
  runPhases,
  type RunPhasesOptions,
  StopError,
  TaskGroup,
} from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";

const reason = { kind: "signal", signal: "SIGTERM" } as const;
const never = () => new Promise<never>(() => {});

function phase(name: string, fields: Partial<Phase> = {}): Phase {
  return { name, message: name, budgetMs: 100, run: () => {}, ...fields };
}

function run(
  phases: Phase[],
  options: Partial<RunPhasesOptions> = {},
): Promise<{ results: PhaseResult[]; clock: FakeClock }> {
  const clock = new FakeClock();
  return clock.settle(runPhases(phases, { clock, reason, ...options })).then(
    (results) => {
      assertEquals(clock.timerCount, 0, "a timer has leaked");
      return { results, clock };
    },
  );
}

const outcomes = (results: PhaseResult[]) =>
  results.map((each) => `${each.phase} ${each.outcome}`);

Deno.test("phases run one after the other, in the order given", async () => {
  const log: string[] = [];
  const clock = new FakeClock();
  const slow = (name: string, ms: number) =>
    phase(name, {
      run: async () => {
        log.push(`${name} begins`);
        await clock.sleep(ms);
        log.push(`${name} ends`);
      },
    });
  const results = await clock.settle(
    runPhases([slow("a", 30), slow("b", 10)], { clock, reason }),
  );
  assertEquals(log, ["a begins", "a ends", "b begins", "b ends"]);
  assertEquals(results.map((each) => each.durationMs), [30, 10]);
  assertEquals(outcomes(results), ["a done", "b done"]);
});

Deno.test("F08 a phase that throws, rejects or never settles keeps no later one from running", async () => {
  const { results } = await run([
    phase("throws", {
      run: () => {
        throw new Error("sync");
      },
    }),
    phase("rejects", { run: () => Promise.reject(new Error("async")) }),
    phase("hangs", { run: never }),
    phase("last"),
  ]);
  assertEquals(outcomes(results), [
    "throws failed",
    "rejects failed",
    "hangs timed_out",
    "last done",
  ]);
  assertEquals(results.map((each) => each.errors[0]?.message), [
    "sync",
    "async",
    "Phase hangs did not end within its budget of 100 ms",
    undefined,
  ]);
});

Deno.test("F08 a hung phase takes nothing from a later one's budget", async () => {
  let left = 0;
  await run([
    phase("hangs", { run: never, atDeadline: never }),
    phase("next", {
      budgetMs: 70,
      run: (_signal, deadline) => {
        left = deadline.remaining();
      },
    }),
  ]);
  assertEquals(left, 70);
});

Deno.test("at the deadline: leftovers are sampled, then signal and scope aborted, then the end-action", async () => {
  const order: string[] = [];
  const scope = new CancelScope("hard");
  scope.onAbort(() => order.push("scope aborted"));
  const leftover: PendingTask[] = [
    { name: "t", ageMs: 1, stepAgeMs: 1, labels: {} },
  ];
  const { results } = await run([phase("grpc", {
    run: (signal) => {
      signal.addEventListener("abort", () => {
        assert(signal.reason instanceof StopError);
        order.push("signal aborted");
      });
      return never();
    },
    scope,
    leftover: () => {
      order.push("sampled");
      return leftover;
    },
    atDeadline: (signal) => {
      assert(signal.aborted);
      order.push("end-action");
      return { answered: 3 };
    },
  })]);
  assertEquals(order, [
    "sampled",
    "signal aborted",
    "scope aborted",
    "end-action",
  ]);
  assertEquals(results[0]?.leftover, leftover);
  assertEquals(results[0]?.details, { answered: 3 });
});

Deno.test("the end-action has its own bound, and its error is kept behind the first", async () => {
  const { results, clock } = await run([
    phase("slow end", { run: never, atDeadline: never }),
    phase("broken end", {
      run: never,
      atDeadline: () => {
        throw new Error("broken");
      },
    }),
  ]);
  assertEquals(results[0]?.durationMs, 100 + END_ACTION_MS);
  assert(results[0]?.errors[1] instanceof PhaseTimeoutError);
  assertEquals(results[1]?.durationMs, 100);
  assertEquals(results[1]?.errors.map((error) => error.message), [
    "Phase broken end did not end within its budget of 100 ms",
    "broken",
  ]);
  assertEquals(clock.now() - 1000, 200 + END_ACTION_MS);
});

Deno.test("a failed phase gets its end-action, too", async () => {
  const scope = new CancelScope("hard");
  let called = 0;
  await run([phase("p", {
    run: () => Promise.reject(new Error("x")),
    scope,
    atDeadline: () => void called++,
  })]);
  assertEquals([called, scope.aborted], [1, true]);
});

Deno.test("a phase that is done aborts nothing and calls no end-action", async () => {
  const scope = new CancelScope("hard");
  let signal: AbortSignal | undefined;
  const { results } = await run([phase("p", {
    run: (given) => {
      signal = given;
      return { pending: 2 };
    },
    scope,
    atDeadline: () => {
      throw new Error("called");
    },
  })]);
  assertEquals([scope.aborted, signal?.aborted], [false, false]);
  assertEquals(results[0]?.details, { pending: 2 });
});

Deno.test("a drain that ran out by its own deadline counts as timed out, with its leftovers", async () => {
  const clock = new FakeClock();
  const scope = new CancelScope("hard");
  const group = new TaskGroup({
    name: "jobs",
    clock,
    scope,
    stopping: scope.signal,
  });
  group.spawn("deaf", never);
  const results = await clock.settle(runPhases([phase("jobs", {
    run: () => group.join(Deadline.from(clock, 40)),
    cutOff: true,
  })], { clock, reason }));
  assertEquals(outcomes(results), ["jobs timed_out"]);
  assertEquals(results[0]?.leftover.map((task) => task.name), ["jobs/deaf"]);
  assertEquals([results[0]?.cutOff, results[0]?.durationMs], [true, 40]);
});

Deno.test("a lame duck lasts its budget and is done", async () => {
  const { results } = await run([
    phase("unready", { run: never, untilBudget: true, budgetMs: 5000 }),
    phase("none", { run: never, untilBudget: true, budgetMs: 0 }),
  ]);
  assertEquals(outcomes(results), ["unready done", "none done"]);
  assertEquals(results[0]?.durationMs, 5000);
});

Deno.test("what counts as cut off: running out with cutOff, failing unless it is a warning", async () => {
  const fail = () => Promise.reject(new Error("x"));
  const { results } = await run([
    phase("ran out", { run: never, cutOff: true }),
    phase("ran out, harmless", { run: never }),
    phase("failed", { run: fail, cutOff: true }),
    phase("failed, warning", {
      run: fail,
      cutOff: true,
      failureExit: "warning",
    }),
    phase("failed, harmless", { run: fail }),
    phase("failed, grave", { run: fail, failureExit: "cutoff" }),
    phase("done", { cutOff: true }),
  ]);
  assertEquals(results.map((each) => each.cutOff), [
    true,
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
});

Deno.test("observers see begin and end of each phase and cannot disturb it", async () => {
  const seen: string[] = [];
  const { results } = await run([
    phase("a", { run: () => void seen.push("run a") }),
    phase("b", {
      run: never,
      leftover: () => {
        throw new Error("broken sample");
      },
    }),
  ], {
    onPhaseStart: (each) => {
      seen.push(`start ${each.name}`);
      throw new Error("broken observer");
    },
    onPhaseBegun: (each) => void seen.push(`begun ${each.name}`),
    onPhaseEnd: (each, result) => {
      seen.push(`end ${each.name} ${result.outcome}`);
      throw new Error("broken observer");
    },
  });
  assertEquals(seen, [
    "start a",
    "run a",
    "begun a",
    "end a done",
    "start b",
    "begun b",
    "end b timed_out",
  ]);
  assertEquals(results.length, 2);
});

Deno.test("a late rejection of a phase that ran out is nobody's unhandled rejection", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock } = await run([phase("p", { run: () => gate.promise })]);
  gate.reject(new Error("too late"));
  await clock.flush();
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  BudgetExceedsGraceError,
  checkGrace,
  END_ACTION_MS,
  type Phase,
  type PhaseResult,
  runPhases,
  sumOfBudgets,
} from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";

const reason = { kind: "signal", signal: "SIGTERM" } as const;
const never = () => new Promise<never>(() => {});

function phase(name: string, fields: Partial<Phase> = {}): Phase {
  return { name, message: name, budgetMs: 100, run: () => {}, ...fields };
}

const outcomes = (results: PhaseResult[]) =>
  results.map((each) => `${each.phase} ${each.outcome}`);

Deno.test("force ends the running phase at once and skips the others, all in the result", async () => {
  const force = new AbortController();
  let signal: AbortSignal | undefined;
  const clock = new FakeClock();
  const running = runPhases([
    phase("first"),
    phase("second", {
      run: (given) => {
        signal = given;
        return never();
      },
    }),
    phase("third"),
  ], { clock, reason, force: force.signal });
  await clock.advance(30);
  force.abort();
  const results = await running;
  assertEquals(outcomes(results), [
    "first done",
    "second forced",
    "third skipped",
  ]);
  assertEquals([results[1]?.durationMs, signal?.aborted], [30, true]);
  assertEquals(clock.timerCount, 0);
});

Deno.test("force during an end-action does not wait for it", async () => {
  const force = new AbortController();
  const clock = new FakeClock();
  const running = runPhases([
    phase("p", { run: never, atDeadline: never }),
  ], { clock, reason, force: force.signal });
  await clock.advance(110);
  force.abort();
  assertEquals((await running)[0]?.durationMs, 110);
  assertEquals(clock.timerCount, 0);
});

Deno.test("checkGrace: budgets plus slack must fit; the error names each and the sum", () => {
  const phases = [
    { name: "grpc", budgetMs: 5000 },
    { name: "sagas", budgetMs: 4000 },
  ];
  assertEquals(sumOfBudgets(phases), 9000);
  checkGrace(phases, 11_000);
  const error = assertThrows(
    () => checkGrace(phases, 10_999),
    BudgetExceedsGraceError,
    "grpc 5000 + sagas 4000 = 9000 ms + slack 2000 ms = 11000 ms, but the grace is 10999 ms",
  );
  assertEquals([error.neededMs, error.graceMs], [11_000, 10_999]);
});

Deno.test("property: whatever phases do, each runs, in order, within budget plus end-action", async () => {
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  const behaviour = fc.constantFrom(
    "done",
    "slow",
    "throws",
    "rejects",
    "hangs",
    "late",
  );
  const spec = fc.record({
    run: behaviour,
    end: behaviour,
    budgetMs: fc.integer({ min: 0, max: 500 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(spec, { maxLength: 6 }), async (specs) => {
      const clock = new FakeClock();
      const act = (kind: string, ms: number) => {
        if (kind === "throws") throw new Error(kind);
        if (kind === "rejects") return Promise.reject(new Error(kind));
        if (kind === "hangs") return never();
        if (kind === "late") return clock.sleep(ms + 1000);
        return kind === "slow" ? clock.sleep(ms / 2) : undefined;
      };
      const began: string[] = [];
      const phases = specs.map((each, i) =>
        phase(String(i), {
          budgetMs: each.budgetMs,
          run: () => {
            began.push(String(i));
            return act(each.run, each.budgetMs);
          },
          atDeadline: () => act(each.end, END_ACTION_MS),
        })
      );
      const results = await clock.settle(runPhases(phases, { clock, reason }));
      assertEquals(began, specs.map((_, i) => String(i)));
      assertEquals(results.map((each) => each.phase), began);
      results.forEach((result, i) => {
        const { run, budgetMs = 0 } = specs[i] ?? {};
        assert(result.durationMs <= budgetMs + END_ACTION_MS);
        const expected = run === "throws" || run === "rejects"
          ? "failed"
          : run === "hangs" || run === "late"
          ? "timed_out"
          : "done";
        // With no budget a sleep of 0 ms may lose to the budget's own timer.
        if (budgetMs > 0) assertEquals(result.outcome, expected);
      });
    }),
    { seed, numRuns: 40 },
  );
});

/**
 * Model check of the saga engine: whatever is called, answered, lost, killed, paused and set, in whatever order,
 * what was acknowledged happens once and the money adds up. tests/support/simulation says what is simulated.
 *
 * SIM_SEED=<seed> runs that history alone and prints its trace; SIM_HISTORIES=<count> runs so many.
 */
import { assertEquals } from "@std/assert";
import { type Failure, runHistories } from "../../support/simulation/run.ts";
import { REGRESSIONS } from "./regressions.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HISTORIES = 10_000;
const ONE = number("SIM_SEED");

function number(name: string): number | null {
  const text = Deno.env.get(name);
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`${name} has to be an integer, not ${text}`);
}

function report(failures: readonly Failure[]): string[] {
  return failures.map(({ seed, problems }) =>
    `SIM_SEED=${seed} deno test -P tests/unit/simulation/histories_test.ts\n` +
    problems.map((line) => `    ${line}`).join("\n")
  );
}

Deno.test({
  name:
    "F10 F21 F22 F23 F25 F26 F34 in every history what was acknowledged happens once and the money adds up",
  ignore: ONE !== null,
  fn: async () => {
    const first = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
    const count = number("SIM_HISTORIES") ?? HISTORIES;
    const begun = performance.now();
    const { histories, steps, failures } = await runHistories({ first, count });
    const perSecond = histories / (performance.now() - begun) * 1_000;
    console.log(
      `simulation: seeds from ${first}, ${histories} histories, ${steps} steps, ` +
        `${perSecond.toFixed(0)} histories a second`,
    );
    assertEquals(report(failures), []);
  },
});

Deno.test({
  name: "one history, by SIM_SEED",
  ignore: ONE === null,
  fn: async () => {
    const { failures } = await runHistories({
      first: ONE ?? 0,
      count: 1,
      trace: (line) => console.log(line),
    });
    assertEquals(report(failures), []);
  },
});

for (const { seed, found } of REGRESSIONS) {
  Deno.test(`seed ${seed}: ${found}`, async () => {
    const { failures } = await runHistories({ first: seed, count: 1 });
    assertEquals(report(failures), []);
  });
}

Deno.test("a seed makes the same history each time", async () => {
  const trace = async () => {
    const lines: string[] = [];
    await runHistories({
      first: 4,
      count: 1,
      trace: (line) => lines.push(line.replaceAll(/[0-9a-f-]{36}/g, "id")),
    });
    return lines;
  };
  const lines = await trace();
  assertEquals(lines.length > 50, true);
  assertEquals(await trace(), lines);
});

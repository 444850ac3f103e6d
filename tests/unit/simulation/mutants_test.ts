/** The simulation's own test: an engine without one of its rules is caught, within 1,000 histories. */
import { assert, assertEquals } from "@std/assert";
import { MUTANTS } from "../../support/simulation/mutants.ts";
import { runHistories } from "../../support/simulation/run.ts";

Deno.test.sanitizer({ ops: true, resources: true });

// Always the same ones: whether a wrong engine is caught must not depend on luck.
const FIRST = 1;
const HISTORIES = 1_000;

for (const [name, mutant] of Object.entries(MUTANTS)) {
  Deno.test(`caught: ${name}`, async () => {
    const run = { first: FIRST, count: HISTORIES, failures: 1, mutant };
    const { failures } = await runHistories(run);
    const [caught] = failures;
    assert(caught !== undefined, `not caught in ${HISTORIES} histories`);
    console.log(`seed ${caught.seed}: ${caught.problems[0]}`);
    const again = { first: caught.seed, count: 1, mutant };
    assertEquals((await runHistories(again)).failures.length, 1);
    const right = await runHistories({ first: caught.seed, count: 1 });
    assertEquals(right.failures, []);
  });
}

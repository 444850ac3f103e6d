/** docs/compatibility.md, row by row: what it says of this service is so. */
import { assert, assertEquals } from "@std/assert";
import { CALLS } from "./calls.ts";
import { OPERATIONS } from "./operations.ts";
import { readRows } from "./table.ts";

// Sanitizers are not asked for: a fetch of one test keeps its connection until a later one. The suites that these
// tests are about ask for them.

const ROWS = readRows();
const TESTS: ReadonlyMap<string, () => Promise<void> | void> = new Map([
  ...Object.entries(CALLS),
  ...Object.entries(OPERATIONS),
]);

Deno.test("F83 every row of docs/compatibility.md has one test, and every test one row", () => {
  const ids = ROWS.map(({ id }) => id).toSorted();
  assert(ids.length > 20, "it reads the page");
  assertEquals(ids, [...TESTS.keys()].toSorted());
  assertEquals(
    Object.keys(CALLS).length + Object.keys(OPERATIONS).length,
    TESTS.size,
  );
});

Deno.test("F83 every row is the same, better or on purpose, and what is on purpose has its reason", () => {
  const odd = ROWS.filter(({ as, why }) =>
    !["same", "better", "on purpose"].includes(as) ||
    as === "on purpose" && why === ""
  );
  assertEquals(odd, []);
});

for (const { id, input } of ROWS) {
  const test = TESTS.get(id);
  if (test !== undefined) Deno.test(`F83 ${id}: ${input}`, test);
}

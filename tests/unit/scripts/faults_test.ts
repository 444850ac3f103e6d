import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseJunit, type TestResult } from "../../../scripts/faults/junit.ts";
import type { FaultGroup } from "../../../scripts/faults/rows.ts";
import {
  coverage,
  faultsPage,
  firstDifference,
  numbersOf,
  shortcomings,
} from "../../../scripts/faults/table.ts";

const CATALOGUE: FaultGroup[] = [{
  name: "Group",
  rows: [
    { id: "F01", what: "one" },
    { id: "F02", what: "two" },
    { id: "F03", what: "three", elsewhere: "by hand" },
  ],
}];

function passed(name: string): TestResult {
  return { file: "tests/a_test.ts", name, result: "passed" };
}

Deno.test("results are read with their names as written, also of one lone test", () => {
  const xml = (cases: string) =>
    `<?xml version="1.0"?><testsuites><testsuite name="./tests/a_test.ts">${cases}</testsuite></testsuites>`;
  assertEquals(
    parseJunit(xml(
      `<testcase name="F01 a &lt;b&gt; &quot;c&quot; &amp; d"></testcase>`,
    )),
    [{
      file: "tests/a_test.ts",
      name: 'F01 a <b> "c" & d',
      result: "passed",
    }],
  );
  assertEquals(
    parseJunit(xml(
      `<testcase name="a"><skipped/></testcase><testcase name="b"><failure message="x">y</failure></testcase>`,
    )).map(({ result }) => result),
    ["skipped", "failed"],
  );
});

Deno.test("what is no report is refused", () => {
  assertThrows(() => parseJunit("<html></html>"));
});

Deno.test("only numbers at the start count", () => {
  assertEquals(numbersOf("F10 F22 whatever is killed"), ["F10", "F22"]);
  assertEquals(numbersOf("what F10 says"), []);
  assertEquals(numbersOf("F100 and F1 are none"), []);
});

Deno.test("a row needs a test that passed, or the reason why it has none", () => {
  const skipped: TestResult = { ...passed("F02 b"), result: "skipped" };
  assertEquals(
    shortcomings(coverage(CATALOGUE, [passed("F01 a"), skipped])),
    ["F02: no test that passed carries this number"],
  );
});

Deno.test("a failed test is told whatever passed beside it", () => {
  const failed: TestResult = { ...passed("F01 F02 x"), result: "failed" };
  assertEquals(
    shortcomings(
      coverage(CATALOGUE, [passed("F01 a"), passed("F02 b"), failed]),
    ),
    ['F01: "F01 F02 x" failed', 'F02: "F01 F02 x" failed'],
  );
});

Deno.test("the page has each row with its count, result and tests", () => {
  const page = faultsPage(CATALOGUE, [
    passed("F01 first"),
    passed("F01 F02 both"),
    { ...passed("F02 other"), result: "skipped" },
  ]);
  for (
    const part of [
      "| F01 | one | 2 | passed |",
      "| F02 | two | 2 | 1 skipped; 1 passed |",
      "| F03 | three | 0 | by hand |",
      "### F02: two\n\n- tests/a_test.ts\n  - both\n  - other (skipped)\n",
    ]
  ) assertStringIncludes(page, part);
});

Deno.test("a test that a helper registers is named with what to change: its row would point at the helper", () => {
  const strayed = { ...passed("F01 a"), file: "tests/support/kafka.ts" };
  assertEquals(
    shortcomings(coverage(CATALOGUE, [strayed, passed("F02 b")])),
    [
      'F01: "F01 a" is registered in tests/support/kafka.ts: call Deno.test in its test file, the table names that',
    ],
  );
});

Deno.test("a page that is out of date tells its first line that differs", () => {
  assertEquals(firstDifference("a\nb", "a\nb"), null);
  assertEquals(
    firstDifference("a\nb", "a\nc"),
    'line 2 is "b", should be "c"',
  );
  assertEquals(firstDifference("a", "a\nb"), 'line 2 is "", should be "b"');
  assertEquals(firstDifference("a\nb", "a"), 'line 2 is "b", should be ""');
});

/** Test results as Deno's JUnit reporter writes them. */
import { XMLParser } from "fast-xml-parser";
import { z } from "zod";

export interface TestResult {
  /** Path in the repository. */
  readonly file: string;
  /** With a step's name behind ` > `. */
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
}

const Document = z.object({
  testsuites: z.object({
    testsuite: z.array(z.object({
      "@name": z.string(),
      testcase: z.array(z.object({
        "@name": z.string(),
        failure: z.unknown().optional(),
        error: z.unknown().optional(),
        skipped: z.unknown().optional(),
      })).default([]),
    })).default([]),
  }),
});

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  isArray: (name) => name === "testsuite" || name === "testcase",
});

/** @throws Error when it is no such report */
export function parseJunit(xml: string): TestResult[] {
  const { testsuites } = Document.parse(parser.parse(xml));
  return testsuites.testsuite.flatMap(({ "@name": suite, testcase }) =>
    testcase.map((test) => ({
      file: suite.replace(/^\.\//, ""),
      name: test["@name"],
      result: resultOf(test),
    }))
  );
}

function resultOf(
  test: { failure?: unknown; error?: unknown; skipped?: unknown },
): TestResult["result"] {
  if (test.failure !== undefined || test.error !== undefined) return "failed";
  return test.skipped === undefined ? "passed" : "skipped";
}

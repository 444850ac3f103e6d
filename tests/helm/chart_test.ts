/** The chart and the service are one version and agree on defaults. No tool is needed for this. */
import { assertEquals } from "@std/assert";
import { parse } from "yaml";
import manifest from "../../deno.json" with { type: "json" };
import { BUDGET_KEYS } from "../../src/config/checks.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { at, CHART } from "../support/helm/chart.ts";

const read = (file: string): unknown =>
  parse(Deno.readTextFileSync(`${CHART}/${file}`));

Deno.test("the chart's appVersion is the service's version", () => {
  assertEquals(at(read("Chart.yaml"), "appVersion"), manifest.version);
});

Deno.test("the chart's budgets are the service's defaults, but for the lame duck", () => {
  const budgets = Object.entries(
    at(read("values.yaml"), "shutdown") ?? {},
  ).filter(([name]) => name !== "watchdog").map(([, value]) => value);
  assertEquals(
    budgets,
    BUDGET_KEYS.map((key) =>
      key === "lameDuck" ? "5s" : VARIABLES[key].fallback
    ),
  );
});

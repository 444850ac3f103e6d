/** What Prometheus and Grafana get from the chart is what the tree holds, and promtool understands it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { at, helmTest, only, render, tool } from "../support/helm/chart.ts";
import { findPromtool } from "../support/helm/toolchain.ts";
import {
  ALERTS,
  ALERTS_FILE,
  DASHBOARDS,
  EXPRESSIONS,
} from "../support/monitoring/sources.ts";
import { withTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url);
const CASES = [
  ...Deno.readDirSync(new URL("tests/helm/alerts", ROOT)),
].map(({ name }) => name).sort();

const path = (relative: string) => fileURLToPath(new URL(relative, ROOT));

async function promtool(...args: string[]) {
  return await tool(await findPromtool() ?? "promtool", args);
}

Deno.test(helmTest("promtool finds nothing in the alerts", async () => {
  const { success, stdout, stderr } = await promtool(
    ...["check", "rules", "--lint-fatal", path(ALERTS_FILE)],
  );
  assert(success, stdout + stderr);
  assertStringIncludes(stdout, `${ALERTS.length} rules found`);
}));

for (const name of CASES) {
  Deno.test(helmTest(
    `alerts fire and stay silent as tests/helm/alerts/${name} says`,
    async () => {
      const { success, stdout, stderr } = await promtool(
        ...["test", "rules", path(`tests/helm/alerts/${name}`)],
      );
      assert(success, stdout + stderr);
    },
  ));
}

Deno.test("every alert is seen firing and seen silent", () => {
  const expected = CASES.flatMap((name) => {
    const file: unknown = parse(
      Deno.readTextFileSync(path(`tests/helm/alerts/${name}`)),
    );
    const tests = at(file, "tests");
    return (Array.isArray(tests) ? tests : []).flatMap((each): unknown[] => {
      const checks = at(each, "alert_rule_test");
      return Array.isArray(checks) ? checks : [];
    });
  });
  for (const { alert } of ALERTS) {
    const counts = expected.filter((each) => at(each, "alertname") === alert)
      .map((each) => {
        const alerts = at(each, "exp_alerts");
        return Array.isArray(alerts) ? alerts.length : 0;
      });
    assert(counts.includes(0), `${alert} is never expected to be silent`);
    assert(counts.some((count) => count > 0), `${alert} is never expected`);
  }
});

Deno.test(helmTest(
  "promtool parses every expression of alerts and dashboards",
  async () => {
    await withTempDir(async (dir) => {
      const file = `${dir}/rules.json`;
      const rules = EXPRESSIONS.map(({ place, expr }, index) => ({
        record: `expression:${index}`,
        labels: { place },
        expr: expr.replaceAll(/\$__(rate_interval|range)/g, "5m"),
      }));
      await Deno.writeTextFile(
        file,
        JSON.stringify({ groups: [{ name: "all", rules }] }),
      );
      const { success, stdout, stderr } = await promtool(
        "check",
        "rules",
        file,
      );
      assert(success, stdout + stderr);
      assertStringIncludes(stdout, `${EXPRESSIONS.length} rules found`);
    });
  },
));

Deno.test(
  helmTest("the PrometheusRule holds the alerts as they are", async () => {
    const objects = await render("values-prod.yaml");
    const spec = only(objects, "PrometheusRule").spec;
    assertEquals(spec, parse(Deno.readTextFileSync(path(ALERTS_FILE))));
  }),
);

Deno.test(helmTest("each dashboard is a ConfigMap, as it is", async () => {
  const objects = await render("values-prod.yaml");
  for (const name of DASHBOARDS.keys()) {
    const map = objects.find(({ metadata }) =>
      metadata.name === `shop-oms-dashboard-${name}`
    );
    assertEquals(at(map, "metadata.labels.grafana_dashboard"), "1");
    const json = Object.values(at(map, "data") ?? {});
    assertEquals(
      json,
      [Deno.readTextFileSync(path(`dashboards/${name}.json`))],
    );
  }
}));

Deno.test(helmTest("monitoring is off by default", async () => {
  const kinds = (await render("values.yaml")).map(({ kind }) => kind);
  assertEquals(kinds.filter((kind) => /Monitor|Rule/.test(kind)), []);
  assertEquals(kinds.filter((kind) => kind === "ConfigMap").length, 1);
}));

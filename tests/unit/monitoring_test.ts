/** Alerts and dashboards speak of what the service exports; each alert has its paragraph. */
import { assert, assertEquals } from "@std/assert";
import {
  CLOSED_LABELS,
  exportedSeries,
} from "../support/monitoring/exported.ts";
import { references } from "../support/monitoring/promql.ts";
import {
  ALERTS,
  DASHBOARDS,
  EXPRESSIONS,
} from "../support/monitoring/sources.ts";

/** Given to every series by the one who scrapes. */
const OF_THE_PLATFORM = new Set(["namespace", "pod"]);

const EXPORTED = await exportedSeries();

const OPERATIONS = Deno.readTextFileSync(
  new URL("../../docs/operations.md", import.meta.url),
);

/** What is wrong with an expression; empty: nothing. */
function mistakes(expr: string, shown: string): string[] {
  const { selectors, grouping } = references(expr);
  const found: string[] = [];
  const usable = new Set(OF_THE_PLATFORM);
  for (const { metric, matchers } of selectors) {
    const labels = EXPORTED.get(metric);
    if (labels === undefined) {
      found.push(`${metric} is not exported`);
      continue;
    }
    for (const label of labels.keys()) usable.add(label);
    for (const { label, operator, value } of matchers) {
      if (OF_THE_PLATFORM.has(label)) continue;
      const values = labels.get(label);
      if (values === undefined) {
        found.push(`${metric} has no label ${label}`);
      } else if (CLOSED_LABELS.has(label)) {
        const wanted = operator.includes("~") ? value.split("|") : [value];
        const unknown = wanted.filter((each) => !values.has(each));
        found.push(
          ...unknown.map((each) => `${metric}: ${label} is never ${each}`),
        );
      }
    }
  }
  const named = [...shown.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]+)/g)]
    .map(([, label = ""]) => label);
  found.push(
    ...[...grouping, ...named].filter((label) => !usable.has(label))
      .map((label) => `no series has the label ${label}`),
  );
  return found;
}

Deno.test("references of an expression are found in all their forms", () => {
  const { selectors, grouping } = references(
    'sum by (a, b) (rate(x_total{c="1",d=~"e|f"}[5m])) / on (g) y > 0.5 ' +
      "and ignoring(h) (time() - z < 1800) unless absent(w)",
  );
  assertEquals(selectors.map(({ metric }) => metric), [
    "x_total",
    "y",
    "z",
    "w",
  ]);
  assertEquals(selectors[0]?.matchers.map(({ value }) => value), ["1", "e|f"]);
  assertEquals(grouping, ["a", "b", "g", "h"]);
});

Deno.test("a mistake in an expression would be found", () => {
  assertEquals(mistakes("oms_saga_total > 0", ""), [
    "oms_saga_total is not exported",
  ]);
  assertEquals(mistakes('oms_sagas_pending{kind="pay"}', ""), [
    "oms_sagas_pending has no label kind",
  ]);
  assertEquals(mistakes('oms_lifecycle_state{state="ready"}', ""), [
    "oms_lifecycle_state: state is never ready",
  ]);
  assertEquals(mistakes("sum by (step) (oms_sagas_stuck)", "{{ saga }}"), [
    "no series has the label step",
    "no series has the label saga",
  ]);
});

Deno.test("alerts and dashboards name only metrics, labels and values that exist", () => {
  assert(EXPRESSIONS.length > 70, `${EXPRESSIONS.length} expressions`);
  const found = EXPRESSIONS.flatMap(({ place, expr, shown }) =>
    mistakes(expr, shown).map((mistake) => `${place}: ${mistake}`)
  );
  assertEquals(found, []);
});

Deno.test("every alert has its paragraph in docs/operations.md, and every paragraph its alert", () => {
  const headings = [...OPERATIONS.matchAll(/^### (Oms\w+)\n\n((?:.+\n)+)/gm)];
  for (const [, name = "", paragraph = ""] of headings) {
    assert(paragraph.length > 120, `${name} has no text`);
  }
  assertEquals(
    headings.map(([, name]) => name).sort(),
    ALERTS.map(({ alert }) => alert).sort(),
  );
});

Deno.test("every alert links to its paragraph", () => {
  for (const { alert, annotations } of ALERTS) {
    assertEquals(
      annotations.runbook,
      `docs/operations.md#${alert.toLowerCase()}`,
    );
  }
});

Deno.test("the dashboards are overview, sagas, outbox and shutdown, each with its own id", () => {
  assertEquals([...DASHBOARDS.keys()], [
    "outbox",
    "overview",
    "sagas",
    "shutdown",
  ]);
  for (const [file, { uid, panels, templating }] of DASHBOARDS) {
    assertEquals(uid, `oms-${file}`);
    assertEquals(
      templating.list.map(({ name }) => name),
      ["datasource", "namespace", "pod"],
    );
    assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert(panels.every(({ gridPos: { x, w } }) => x + w <= 24), file);
  }
});

/** The alerts and dashboards of the tree, parsed. */
import { parse } from "yaml";
import { z } from "zod";

const ROOT = new URL("../../../", import.meta.url);

const Rules = z.object({
  groups: z.array(z.object({
    name: z.string(),
    rules: z.array(z.object({
      alert: z.string(),
      expr: z.string(),
      labels: z.object({ severity: z.enum(["critical", "warning"]) }),
      annotations: z.object({ summary: z.string(), runbook: z.string() }),
    })),
  })),
});

const Panel = z.object({
  id: z.number(),
  title: z.string().min(1),
  type: z.string(),
  gridPos: z.object({ x: z.number(), w: z.number() }),
  targets: z.array(z.object({
    refId: z.string(),
    expr: z.string().min(1),
    legendFormat: z.string(),
    datasource: z.object({ uid: z.literal("${datasource}") }),
  })).default([]),
});

const Dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  panels: z.array(Panel).min(1),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
});
export type Dashboard = z.infer<typeof Dashboard>;

export const ALERTS_FILE = "helm/oms/files/alerts.yaml";

export const ALERTS = Rules.parse(
  parse(Deno.readTextFileSync(new URL(ALERTS_FILE, ROOT))),
).groups.flatMap(({ rules }) => rules);

/** By file name, without `.json`. */
export const DASHBOARDS: ReadonlyMap<string, Dashboard> = new Map(
  [...Deno.readDirSync(new URL("dashboards/", ROOT))]
    .map(({ name }) => name).sort().map((name) => {
      const text = Deno.readTextFileSync(new URL(`dashboards/${name}`, ROOT));
      return [name.replace(/\.json$/, ""), Dashboard.parse(JSON.parse(text))];
    }),
);

/** An expression, where it stands, and the texts that show its labels. */
export interface Expression {
  readonly place: string;
  readonly expr: string;
  readonly shown: string;
}

export const EXPRESSIONS: readonly Expression[] = [
  ...ALERTS.map(({ alert, expr, annotations }) => ({
    place: `alert ${alert}`,
    expr,
    shown: annotations.summary,
  })),
  ...[...DASHBOARDS].flatMap(([file, { panels }]) =>
    panels.flatMap(({ title, targets }) =>
      targets.map(({ expr, legendFormat }) => ({
        place: `dashboards/${file}.json, ${title}`,
        expr,
        shown: legendFormat,
      }))
    )
  ),
];

/**
 * The programs and schemas that the chart's suite runs, by name and version,
 * and where they are kept: the user's cache, never the tree.
 *
 * Invariant: what is in the cache is whole; the fetcher (fetch.ts) builds aside
 * and renames. Not promised: that a program on PATH with the same name is used;
 * only promtool is taken from there, for its releases are large to build.
 */

import { exists } from "../exists.ts";
import { run } from "../run_program.ts";

/** Set by CI: a machine without the tools fails the suite instead of skipping it. */
export const REQUIRE_HELM = "TEST_REQUIRE_HELM";

/** A program that `go install` builds. */
export interface GoTool {
  readonly name: string;
  readonly version: string;
  readonly source: string;
}

export const HELM: GoTool = {
  name: "helm",
  version: "v3.22.0",
  source: "helm.sh/helm/v3/cmd/helm",
};
export const KUBECONFORM: GoTool = {
  name: "kubeconform",
  version: "v0.8.0",
  source: "github.com/yannh/kubeconform/cmd/kubeconform",
};
export const KUBE_SCORE: GoTool = {
  name: "kube-score",
  version: "v1.20.0",
  source: "github.com/zegl/kube-score/cmd/kube-score",
};
export const GO_TOOLS: readonly GoTool[] = [HELM, KUBECONFORM, KUBE_SCORE];

/** The package that carries Kubernetes' own schemas, release by release. */
export const SCHEMA_PACKAGE = {
  name: "kubernetes-validate",
  version: "1.37.0",
} as const;

/** The oldest and the newest release that the chart is held against. */
export const KUBERNETES_VERSIONS = ["1.29.0", "1.37.0"] as const;

/** The module that carries the operator's CRDs: the newest that the Go proxy has. */
export const OPERATOR = {
  module: "github.com/prometheus-operator/prometheus-operator",
  version: "v0.85.0",
  folder: "example/prometheus-operator-crd",
} as const;

/** Kinds of the operator that the chart may render. */
export const OPERATOR_KINDS = ["servicemonitor", "prometheusrule"] as const;

export function cacheFolder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME") ?? "."}/.cache`;
  return `${cache}/oms-tools`;
}

export function folderOf(name: string, version: string): string {
  return `${cacheFolder()}/${name}@${version}`;
}

export function programOf({ name, version }: GoTool): string {
  return `${folderOf(name, version)}/${name}`;
}

/** Folder of converted schemas, one subfolder a release. */
export function schemaFolder(): string {
  return folderOf("kubernetes-schemas", SCHEMA_PACKAGE.version);
}

export function crdFolder(): string {
  return folderOf("operator-crds", OPERATOR.version);
}

/** Unpacked from a Debian package when PATH has none. */
export function unpackedPromtool(): string {
  return `${folderOf("promtool", "debian")}/promtool`;
}

/** The promtool to run; null: there is none. */
export async function findPromtool(): Promise<string | null> {
  if (await exists(unpackedPromtool())) return unpackedPromtool();
  return await run("promtool", ["--version"]) === null ? null : "promtool";
}

/** What the suite lacks; null: nothing. */
export async function whatIsMissing(): Promise<string | null> {
  const paths = new Map([
    ...GO_TOOLS.map((tool) => [tool.name, programOf(tool)] as const),
    ["Kubernetes' schemas", schemaFolder()],
    ["the operator's CRDs", crdFolder()],
  ]);
  const lacks: string[] = [];
  for (const [name, path] of paths) {
    if (!await exists(path)) lacks.push(name);
  }
  if (await findPromtool() === null) lacks.push("promtool");
  if (lacks.length === 0) return null;
  return `${
    lacks.join(", ")
  } not found: \`deno task helm:test\` fetches them with go, python3 and apt-get`;
}

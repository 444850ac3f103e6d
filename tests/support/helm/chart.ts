/**
 * The chart, rendered by helm.
 *
 * Invariant: a rendering is of the tree's chart, with no cluster and no network.
 */
import { assert } from "@std/assert";
import { testsThatNeed } from "../required.ts";
import { type Ran, run } from "../run_program.ts";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { HELM, programOf, REQUIRE_HELM, whatIsMissing } from "./toolchain.ts";

export const CHART = fileURLToPath(
  new URL("../../../helm/oms", import.meta.url),
);

/** Values files that are rendered and checked; `values.yaml` is always below. */
export const VALUES = [
  "values.yaml",
  "values-dev.yaml",
  "values-prod.yaml",
  "ci/extras-values.yaml",
  "ci/postgres-values.yaml",
] as const;
export type ValuesFile = typeof VALUES[number];

/**
 * A test that needs the tool chain. Without it the test is ignored, and the
 * file prints `skipped: …`; with TEST_REQUIRE_HELM=1 it fails instead.
 */
export const helmTest = testsThatNeed({
  missing: await whatIsMissing(),
  requiredBy: REQUIRE_HELM,
  cannot: "Cannot test the chart",
});

/** Runs a program of the tool chain. */
export async function tool(
  program: string,
  args: readonly string[],
  stdin?: string,
): Promise<Ran> {
  const ran = await run(program, args, stdin === undefined ? {} : { stdin });
  if (ran === null) throw new Error(`Cannot run ${program}: not found`);
  return ran;
}

/** `helm template`, with assignments as for `--set-json`, such as `replicaCount=2`. */
export async function template(
  file: ValuesFile,
  ...sets: readonly string[]
): Promise<Ran> {
  return await tool(programOf(HELM), [
    ...["template", "shop", CHART, "--namespace", "orders"],
    ...["--values", `${CHART}/${file}`],
    ...sets.flatMap((set) => ["--set-json", set]),
  ]);
}

/** @throws AssertionError when it does not render */
export async function manifests(
  file: ValuesFile,
  ...sets: readonly string[]
): Promise<string> {
  const { success, stdout, stderr } = await template(file, ...sets);
  assert(success, stderr);
  return stdout;
}

/** What helm says when it refuses. @throws AssertionError when it renders */
export async function refusal(
  file: ValuesFile,
  ...sets: readonly string[]
): Promise<string> {
  const { success, stderr } = await template(file, ...sets);
  assert(!success, `${file} ${sets.join(" ")} renders`);
  return stderr;
}

const KubernetesObject = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
export type KubernetesObject = z.infer<typeof KubernetesObject>;

export async function render(
  file: ValuesFile,
  ...sets: readonly string[]
): Promise<KubernetesObject[]> {
  return parseAllDocuments(await manifests(file, ...sets)).map((document) =>
    KubernetesObject.parse(document.toJS())
  );
}

/** The only object of a kind. @throws AssertionError when there are none or more */
export function only(
  objects: readonly KubernetesObject[],
  kind: string,
): KubernetesObject {
  const [object, ...more] = objects.filter((each) => each.kind === kind);
  assert(object !== undefined && more.length === 0, `one ${kind}`);
  return object;
}

/** A value by its path, such as `spec.template.spec.containers.0.image`. */
export function at(value: unknown, path: string): unknown {
  let here = value;
  for (const key of path.split(".")) {
    here = here !== null && typeof here === "object"
      ? Object.entries(here).find(([name]) => name === key)?.[1]
      : undefined;
  }
  return here;
}

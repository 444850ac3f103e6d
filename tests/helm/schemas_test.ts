/** Every object that the chart renders is what Kubernetes takes, whole and strict. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  CHART,
  helmTest,
  manifests,
  tool,
  VALUES,
} from "../support/helm/chart.ts";
import {
  crdFolder,
  HELM,
  KUBE_SCORE,
  KUBECONFORM,
  KUBERNETES_VERSIONS,
  programOf,
  schemaFolder,
} from "../support/helm/toolchain.ts";
import { withTempDir } from "../support/temp_dir.ts";

type Release = typeof KUBERNETES_VERSIONS[number];

function conform(release: Release, yaml: string) {
  return tool(programOf(KUBECONFORM), [
    ...["-strict", "-summary", "-output", "text", "-verbose"],
    "-schema-location",
    `${schemaFolder()}/${release}/{{.ResourceKind}}{{.KindSuffix}}.json`,
    "-schema-location",
    `${crdFolder()}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`,
  ], yaml);
}

for (const file of VALUES) {
  Deno.test(
    helmTest(`helm lint finds nothing in the chart with ${file}`, async () => {
      const { success, stdout, stderr } = await tool(programOf(HELM), [
        ...["lint", "--strict", CHART, "--values", `${CHART}/${file}`],
      ]);
      assert(success, stdout + stderr);
      assertEquals(stdout.match(/^\[(WARNING|ERROR)\].*$/gm), null);
    }),
  );

  for (const release of KUBERNETES_VERSIONS) {
    Deno.test(helmTest(
      `every object of ${file} is valid on Kubernetes ${release}`,
      async () => {
        const yaml = await manifests(file);
        const { success, stdout, stderr } = await conform(release, yaml);
        assert(success, stdout + stderr);
        const objects = yaml.match(/^kind: /gm)?.length ?? 0;
        assertStringIncludes(
          stdout,
          `Valid: ${objects}, Invalid: 0, Errors: 0, Skipped: 0`,
        );
      },
    ));
  }

  Deno.test(helmTest(`kube-score has nothing against ${file}`, async () => {
    const { stdout, stderr } = await tool(programOf(KUBE_SCORE), [
      ...["score", "--output-format", "ci"],
      // Throttling in the middle of a stop would eat its budgets.
      "--ignore-container-cpu-limit",
      // Tags are versions, and a digest can be given.
      ...["--ignore-test", "container-image-pull-policy"],
      // Topology spread does it, without making a rollout impossible on few nodes.
      ...["--ignore-test", "deployment-has-host-podantiaffinity"],
      ...(file === "values-dev.yaml"
        ? ["--ignore-test", "pod-networkpolicy"]
        : []),
      "-",
    ], await manifests(file));
    assertStringIncludes(stdout, "[OK]", stderr);
    assertEquals(stdout.match(/^\[(WARNING|CRITICAL)\].*$/gm), null);
  }));
}

Deno.test(helmTest("a mistyped field of any kind would be found", async () => {
  const yaml = await manifests("ci/postgres-values.yaml");
  const mistakes = [
    ["  minReadySeconds:", "  minReadySecond:", "Deployment"],
    ["  podSelector:", "  podSelectors:", "NetworkPolicy"],
    ["      scrapeTimeout:", "      scrapeTimeouts:", "ServiceMonitor"],
    ["          expr:", "          exprs:", "PrometheusRule"],
  ] as const;
  for (const [right, wrong, kind] of mistakes) {
    assertStringIncludes(yaml, right);
    const { success, stdout } = await conform(
      "1.37.0",
      yaml.replace(right, wrong),
    );
    assert(!success, `${kind}: ${wrong} is taken`);
    assertStringIncludes(stdout, `${kind} shop-oms is invalid`);
  }
}));

Deno.test(helmTest(
  "a package renders as the tree does, dashboards included",
  async () => {
    await withTempDir(async (dir) => {
      const packed = await tool(programOf(HELM), [
        ...["package", CHART, "--destination", dir],
      ]);
      assert(packed.success, packed.stderr);
      const [file] = [...Deno.readDirSync(dir)].map(({ name }) => name);
      const { stdout } = await tool(programOf(HELM), [
        ...["template", "shop", `${dir}/${file}`, "--namespace", "orders"],
        ...["--values", `${CHART}/values-prod.yaml`],
      ]);
      assertEquals(stdout, await manifests("values-prod.yaml"));
    });
  },
));

Deno.test(helmTest("an unknown value is refused by name", async () => {
  const { success, stderr } = await tool(programOf(HELM), [
    ...["template", "shop", CHART, "--set", "replicas=2"],
  ]);
  assert(!success);
  assertStringIncludes(stderr, "'replicas' not allowed");
}));

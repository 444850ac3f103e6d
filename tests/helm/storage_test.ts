/** What depends on the store: one process on a volume, or replicas of a database. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { at, helmTest, only, refusal, render } from "../support/helm/chart.ts";

const POSTGRES = "ci/postgres-values.yaml";

function kinds(objects: Awaited<ReturnType<typeof render>>): Set<string> {
  return new Set(objects.map(({ kind }) => kind));
}

Deno.test(helmTest(
  "sqlite: one replica on a volume that only one pod can mount",
  async () => {
    const objects = await render("values.yaml");
    const { spec } = only(objects, "StatefulSet");
    assertEquals(at(spec, "replicas"), 1);
    assertEquals(at(spec, "updateStrategy.type"), "RollingUpdate");
    assertEquals(at(spec, "volumeClaimTemplates.0.spec.accessModes"), [
      "ReadWriteOncePod",
    ]);
    assertEquals(at(spec, "template.spec.securityContext.fsGroup"), 65532);
    assertEquals(at(spec, "serviceName"), "shop-oms-headless");
    for (
      const kind of [
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
      ]
    ) assertEquals(kinds(objects).has(kind), false, kind);
  },
));

Deno.test(helmTest("sqlite: a second replica is refused", async () => {
  assertStringIncludes(
    await refusal("values.yaml", "replicaCount=2"),
    "replicaCount is 2, but storage.driver=sqlite allows one process",
  );
}));

Deno.test(helmTest(
  "postgres: replicas come up before others go, and the autoscaler owns their number",
  async () => {
    const objects = await render(POSTGRES);
    const { spec } = only(objects, "Deployment");
    assertEquals(at(spec, "replicas"), undefined);
    assertEquals(at(spec, "minReadySeconds"), 5);
    assertEquals(at(spec, "strategy.rollingUpdate"), {
      maxUnavailable: 0,
      maxSurge: 1,
    });
    assertEquals(
      at(spec, "template.spec.topologySpreadConstraints.1.topologyKey"),
      "kubernetes.io/hostname",
    );
    const scaler = only(objects, "HorizontalPodAutoscaler");
    assertEquals(at(scaler, "spec.minReplicas"), 2);
    assertEquals(at(scaler, "spec.scaleTargetRef.name"), "shop-oms");
    const budget = only(objects, "PodDisruptionBudget");
    assertEquals(at(budget, "spec.maxUnavailable"), 1);
    assertEquals(kinds(objects).has("StatefulSet"), false);
  },
));

Deno.test(
  helmTest("postgres: without the autoscaler replicaCount counts", async () => {
    const objects = await render(
      POSTGRES,
      "autoscaling.enabled=false",
      "replicaCount=3",
    );
    assertEquals(at(only(objects, "Deployment"), "spec.replicas"), 3);
    assertEquals(kinds(objects).has("HorizontalPodAutoscaler"), false);
  }),
);

Deno.test(
  helmTest("postgres: events and providers need an address", async () => {
    assertStringIncludes(
      await refusal(POSTGRES, "kafka.brokers=[]"),
      "kafka.brokers is empty",
    );
    assertStringIncludes(
      await refusal(POSTGRES, 'kafka.brokers=["[::1]:9092"]'),
      "/kafka/brokers/0",
    );
    assertStringIncludes(
      await refusal(POSTGRES, 'providers.paymentUrl=""'),
      "set providers.paymentUrl and providers.inventoryUrl",
    );
  }),
);

Deno.test(helmTest(
  "egress is open to brokers, database, providers and DNS, and to nothing else",
  async () => {
    const ports = async (...sets: string[]) => {
      const policies = (await render(POSTGRES, ...sets)).filter((
        { kind, metadata },
      ) => kind === "NetworkPolicy" && metadata.name === "shop-oms");
      const rules = at(policies[0], "spec.egress");
      return Array.isArray(rules)
        ? rules.map((rule) => [0, 1].map((i) => at(rule, `ports.${i}.port`)))
        : [];
    };
    assertEquals(await ports(), [
      [53, 53],
      [9092, undefined],
      [5432, undefined],
      [8080, 443],
    ]);
    assertEquals(
      await ports("networkPolicy.egress.kafkaPorts=[9092,9094]"),
      [[53, 53], [9092, 9094], [5432, undefined], [8080, 443]],
    );
  },
));

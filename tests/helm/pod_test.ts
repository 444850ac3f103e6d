/** The pod: what it may do, how it is probed, and what it tells the service. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { loadConfig } from "../../src/config.ts";
import { knownNames } from "../../src/config/read.ts";
import {
  at,
  helmTest,
  type KubernetesObject,
  only,
  refusal,
  render,
  VALUES,
} from "../support/helm/chart.ts";
import { runClient } from "../../tools/client/cli.ts";

/** Read by the runtime, not by the service. */
const OF_THE_RUNTIME = new Set(["DENO_V8_FLAGS", "DENO_USE_CGROUPS"]);

function podOf(objects: readonly KubernetesObject[]): unknown {
  const workload = objects.find(({ kind }) =>
    kind === "StatefulSet" || kind === "Deployment"
  );
  return at(workload, "spec.template");
}

function containerOf(objects: readonly KubernetesObject[]): unknown {
  return at(podOf(objects), "spec.containers.0");
}

function variables(objects: readonly KubernetesObject[]): Map<string, unknown> {
  const env = at(containerOf(objects), "env");
  const config = objects.find(({ kind, metadata }) =>
    kind === "ConfigMap" && metadata.name === at(
        containerOf(objects),
        "envFrom.0.configMapRef.name",
      )
  );
  return new Map([
    ...Object.entries(at(config, "data") ?? {}),
    ...(Array.isArray(env) ? env : []).map((each): [string, unknown] => [
      String(at(each, "name")),
      at(each, "value"),
    ]),
  ]);
}

for (const file of VALUES) {
  Deno.test(helmTest(
    `every variable that ${file} sets is one of the service's`,
    async () => {
      const known = knownNames();
      const names = [...variables(await render(file)).keys()]
        .filter((name) => !OF_THE_RUNTIME.has(name) && name !== "TZ");
      assert(names.length > 15, "it reads them");
      assertEquals(names.filter((name) => !known.has(name)), []);
    },
  ));

  Deno.test(
    helmTest(`no container of ${file} may do more than it needs`, async () => {
      const objects = await render(file);
      const pods = [podOf(objects), only(objects, "Pod")];
      for (const pod of pods) {
        assertEquals(at(pod, "spec.automountServiceAccountToken"), false);
        assertEquals(at(pod, "spec.enableServiceLinks"), false);
        assertEquals(
          at(pod, "spec.securityContext.seccompProfile.type"),
          "RuntimeDefault",
        );
        assertEquals(at(pod, "spec.containers.0.securityContext"), {
          runAsNonRoot: true,
          runAsUser: 65532,
          runAsGroup: 65532,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          privileged: false,
          capabilities: { drop: ["ALL"] },
        });
        assertEquals(
          at(pod, "spec.containers.0.volumeMounts.0.mountPath"),
          "/tmp",
        );
      }
    }),
  );
}

const SECRETS = { KAFKA_SASL_USERNAME: "oms", KAFKA_SASL_PASSWORD: "word" };
for (
  const [file, secrets] of [
    ["values.yaml", {}],
    ["values-dev.yaml", {}],
    ["values-prod.yaml", SECRETS],
  ] as const
) {
  Deno.test(helmTest(
    `the service takes the configuration of ${file} without a word`,
    async () => {
      const entries = [...variables(await render(file))]
        .filter(([name]) => !OF_THE_RUNTIME.has(name))
        .map(([name, value]) => [name, String(value)] as const);
      const { warnings } = loadConfig({
        env: { ...Object.fromEntries(entries), ...secrets },
        readFile: (path) => {
          throw new Deno.errors.NotFound(path);
        },
        stdoutIsTerminal: false,
      });
      assertEquals(warnings, []);
    },
  ));
}

Deno.test(helmTest(
  "liveness asks whether the loop turns, readiness whether it serves, and no hook sleeps",
  async () => {
    const container = containerOf(await render("values.yaml"));
    assertEquals(at(container, "livenessProbe.httpGet.path"), "/livez");
    assertEquals(at(container, "readinessProbe.httpGet.path"), "/readyz");
    assertEquals(at(container, "startupProbe.httpGet.path"), "/readyz");
    assertEquals(at(container, "lifecycle"), undefined);
  },
));

Deno.test(helmTest(
  "the stop's report goes where the kubelet reads it, outside of /dev",
  async () => {
    const objects = await render("values.yaml");
    const path = at(containerOf(objects), "terminationMessagePath");
    assertEquals(variables(objects).get("OMS_TERMINATION_LOG"), path);
    assert(!String(path).startsWith("/dev/"), String(path));
  },
));

for (
  const [limit, flag] of [
    ["512Mi", "384"],
    ["1Gi", "768"],
    ["1.5Gi", "1152"],
    ["1G", "715"],
    ["1000000k", "715"],
  ]
) {
  Deno.test(helmTest(`${limit} of memory give V8 ${flag} MiB`, async () => {
    const objects = await render(
      "values.yaml",
      `resources.limits.memory="${limit}"`,
    );
    assertEquals(
      variables(objects).get("DENO_V8_FLAGS"),
      `--max-old-space-size=${flag}`,
    );
    assertEquals(variables(objects).get("DENO_USE_CGROUPS"), "1");
  }));
}

Deno.test(
  helmTest("a change of the configuration restarts the pods", async () => {
    const sum = async (...sets: string[]) =>
      at(podOf(await render("values.yaml", ...sets)), "metadata.annotations");
    assertEquals(await sum(), await sum());
    assertNotEquals(await sum(), await sum('log.level="debug"'));
  }),
);

Deno.test(helmTest("a digest wins over the tag", async () => {
  const digest = `sha256:${"0a".repeat(32)}`;
  const objects = await render(
    "values.yaml",
    `image={"digest":"${digest}","tag":"x"}`,
  );
  assertEquals(at(containerOf(objects), "image"), `oms@${digest}`);
  assertStringIncludes(
    await refusal("values.yaml", 'image.digest="sha256:1"'),
    "/image/digest",
  );
}));

Deno.test(helmTest(
  "a variable has one place, and a secret is not in a ConfigMap",
  async () => {
    assertStringIncludes(
      await refusal("values.yaml", 'config.OMS_LAME_DUCK="20s"'),
      "config.OMS_LAME_DUCK: the chart sets this variable from a value of its own",
    );
    assertStringIncludes(
      await refusal(
        "values.yaml",
        'extraEnv=[{"name":"OMS_GRPC_GRACEFUL_TIMEOUT","value":"20s"}]',
      ),
      "extraEnv: the chart sets OMS_GRPC_GRACEFUL_TIMEOUT",
    );
    for (
      const name of ["KAFKA_BROKERS", "OMS_PAYMENT_URL", "OMS_INVENTORY_URL"]
    ) {
      assertStringIncludes(
        await refusal("values.yaml", `config.${name}="https://b:9092"`),
        `config.${name}: the chart sets this variable from a value of its own`,
      );
    }
    const secrets = ["KAFKA_SASL_PASSWORD", "OMS_PAYMENT_TOKEN"];
    for (const name of [...secrets, "OMS_INVENTORY_HEADERS"]) {
      assertStringIncludes(
        await refusal("values.yaml", `config.${name}="x"`),
        "put it into existingSecret",
      );
    }
  },
));

Deno.test(helmTest(
  "labels and annotations of a user's do not take the place of the chart's",
  async () => {
    for (
      const set of [
        'podLabels={"app.kubernetes.io/name":"x"}',
        'podAnnotations={"checksum/config":"x"}',
      ]
    ) {
      assertStringIncludes(
        await refusal("values.yaml", set),
        "of the chart's own",
      );
    }
  },
));

Deno.test(helmTest(
  "helm test calls the service's port with a command line that the client takes",
  async () => {
    const objects = await render("values.yaml");
    const args = at(only(objects, "Pod"), "spec.containers.0.args");
    assert(Array.isArray(args));
    const [client, ...line] = args.map(String);
    assertEquals(client, "client");
    assert(line.includes("--addr=shop-oms:50051"), line.join(" "));
    const errors: string[] = [];
    const code = await runClient(
      line.map((arg) =>
        arg.startsWith("--addr=")
          ? "--addr=127.0.0.1:1"
          : arg.startsWith("--timeout=")
          ? "--timeout=100ms"
          : arg
      ),
      { out: () => {}, err: (text) => errors.push(text), env: () => undefined },
    );
    // 2 would be a wrong command line; nobody answers on port 1.
    assertEquals(code, 1, errors.join(""));
  },
));

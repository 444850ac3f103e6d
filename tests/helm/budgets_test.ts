/** The stop fits into the pod's grace, and the endpoint outlives the lame duck, or nothing renders. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatDuration, parseDuration } from "../../src/config/duration.ts";
import { SLACK_MS } from "@oms/lifecycle";
import { helmTest, only, refusal, render } from "../support/helm/chart.ts";

const NOTHING =
  'shutdown={"grpc":"0","sagas":"0","outbox":"0","http":"0","kafka":"0","store":"0"}';

Deno.test(helmTest(
  "F60 budgets above the grace do not render, and the message names the sum",
  async () => {
    const told = await refusal("values.yaml", 'shutdown.sagas="20s"');
    assertStringIncludes(
      told,
      "the stop may take 40s (lameDuck 5s + grpc 5s + sagas 20s + outbox 3s + " +
        "http 2s + kafka 2s + store 1s + slack 2s), but " +
        "terminationGracePeriodSeconds is 30",
    );
  },
));

Deno.test(
  helmTest("the grace is the limit: 25 s render, 24 s do not", async () => {
    const objects = await render(
      "values.yaml",
      "terminationGracePeriodSeconds=25",
    );
    assertEquals(
      only(objects, "ConfigMap").data,
      { ...configOf(objects), OMS_TERMINATION_GRACE: "25s" },
    );
    assertStringIncludes(
      await refusal("values.yaml", "terminationGracePeriodSeconds=24"),
      "the stop may take 25s",
    );
  }),
);

function configOf(objects: Awaited<ReturnType<typeof render>>) {
  const { data } = only(objects, "ConfigMap");
  return typeof data === "object" ? data : {};
}

const DURATIONS = [
  "250ms",
  "1m30s",
  "1h",
  "1h1m1s",
  "1.5s",
  ".5s",
  "5.s",
  "1500us",
  "1500µs",
  "999999ns",
  "2m0.25s",
  "90s",
  "1m1m",
];

for (const text of DURATIONS) {
  Deno.test(helmTest(`${text} is summed as the service sums it`, async () => {
    const sum = (parseDuration(text) ?? NaN) + SLACK_MS;
    const told = await refusal(
      "values.yaml",
      NOTHING,
      `shutdown.lameDuck="${text}"`,
      "probes.readiness.failureThreshold=100000",
      "terminationGracePeriodSeconds=1",
    );
    assertStringIncludes(told, `the stop may take ${formatDuration(sum)} (`);
  }));
}

for (const text of ["5", "-5s", "5 s", "s", "1d", ""]) {
  Deno.test(helmTest(`${JSON.stringify(text)} is no duration`, async () => {
    assertEquals(parseDuration(text), undefined);
    const told = await refusal("values.yaml", `shutdown.grpc="${text}"`);
    assertStringIncludes(told, "/shutdown/grpc");
  }));
}

Deno.test(helmTest(
  "an endpoint that would be withdrawn within the lame duck does not render",
  async () => {
    const told = await refusal(
      "values.yaml",
      'shutdown.lameDuck="6.5s"',
    );
    assertStringIncludes(told, "may be withdrawn 6s after the signal");
    assertStringIncludes(told, "before the lame duck of 6.5s ends");
    await render("values.yaml", 'shutdown.lameDuck="6s"');
  },
));

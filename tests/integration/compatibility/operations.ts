/** Tests of the rows about configuration, probes and metrics, by the rows' names. */
import { assert, assertEquals } from "@std/assert";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { inThisProcess } from "../../support/in_process.ts";
import { configOf } from "../../unit/config/fixtures.ts";

/** What /healthz of a running service says. */
async function healthz(): Promise<Record<string, unknown>> {
  let report: Record<string, unknown> = {};
  await inThisProcess({}, async ({ http }) => {
    report = await (await fetch(`http://${http}/healthz`)).json();
  });
  return report;
}

/** The values of the label `result` that a metric has from its beginning. */
async function resultsOf(metric: string): Promise<string[]> {
  using metrics = createMetrics();
  const series = new RegExp(`^${metric}\\{result="([a-z_]+)"\\} 0$`, "gm");
  return [...(await metrics.render()).matchAll(series)]
    .map(([, result = ""]) => result).toSorted();
}

export const OPERATIONS: Readonly<Record<string, () => Promise<void> | void>> =
  {
    "healthz-timestamp": async () => {
      const before = Date.now();
      const { timestamp } = await healthz();
      assert(typeof timestamp === "string");
      assertEquals(new Date(timestamp).toISOString(), timestamp);
      const at = Date.parse(timestamp);
      assert(before <= at && at <= Date.now(), timestamp);
    },

    "healthz-durations": async () => {
      const { checks } = await healthz();
      assert(typeof checks === "object" && checks !== null);
      const durations = Object.values(checks).map((check) => check.duration_ms);
      assert(durations.length >= 3);
      assertEquals(durations.filter((ms) => !Number.isInteger(ms)), []);
    },

    "log-level-aliases": () => {
      const levels = ["warning", "trace", "fatal"].map((LOG_LEVEL) =>
        configOf({ LOG_LEVEL }).log.level
      );
      assertEquals(levels, ["warn", "debug", "error"]);
    },

    "boolean-words": () => {
      const read = ["yes", "on", "no", "off"].map((OMS_GRPC_REFLECTION) =>
        configOf({ OMS_GRPC_REFLECTION }).grpc.reflection
      );
      assertEquals(read, [true, true, false, false]);
    },

    "list-trailing-comma": () => {
      const { kafka } = configOf({ KAFKA_BROKERS: "a:9092,b:9092," }).events;
      assertEquals(kafka?.brokers, ["a:9092", "b:9092"]);
    },

    "publish-results": async () => {
      assertEquals(
        await resultsOf("oms_outbox_publish_attempts_total"),
        ["dlq", "dlq_failed", "failed", "sent"],
      );
    },

    "cleanup-results": async () => {
      assertEquals(
        await resultsOf("oms_idempotency_cleanup_runs_total"),
        ["error", "ok"],
      );
    },

    "stop-metrics": async () => {
      using metrics = createMetrics();
      const exported = await metrics.render();
      for (
        const name of [
          "oms_shutdown_duration_seconds",
          "oms_shutdown_inflight_sagas",
          "oms_shutdown_phase_duration_seconds",
        ]
      ) assert(exported.includes(`# HELP ${name} `), name);
    },
  };

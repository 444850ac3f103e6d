/**
 * Every series that the service exports, from a registry in which everything
 * that waits for an event has happened once.
 */
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import type { ShutdownOutcome } from "@oms/lifecycle";

/** Label -> values seen, by the name of a series (`…_bucket`, `…_sum` too). */
export type Exported = ReadonlyMap<string, ReadonlyMap<string, Set<string>>>;

/** How a stop can end, and what is left of a process that left no report. */
const OUTCOMES = ["clean", "cut_off", "forced", "failed", "died"] satisfies (
  | ShutdownOutcome
  | "died"
)[];

export async function exportedSeries(): Promise<Exported> {
  using metrics = createMetrics();
  metrics.setBuildInfo({ version: "1", commit: "c", runtime: "deno" });
  metrics.grpc.initGrpcMethods([{
    service: "oms.v1.OrderService",
    method: "PayOrder",
    type: "unary",
  }]);
  metrics.shutdown.phaseDuration.set({ phase: "grpc" }, 1);
  const found = new Map<string, Map<string, Set<string>>>();
  for (const outcome of OUTCOMES) {
    metrics.lastShutdown.record({
      reason: "SIGTERM",
      outcome,
      exitCode: 0,
      durationMs: 1,
      phases: [{ phase: "grpc", durationMs: 1 }],
      leftoverSagas: 0,
    });
    collect(await metrics.render(), found);
  }
  return found;
}

function collect(text: string, found: Map<string, Map<string, Set<string>>>) {
  for (const [, name = "", labels = ""] of text.matchAll(SERIES)) {
    const known = found.get(name) ?? new Map<string, Set<string>>();
    found.set(name, known);
    for (const [, label = "", value = ""] of labels.matchAll(LABEL)) {
      const values = known.get(label) ?? new Set();
      known.set(label, values.add(value));
    }
  }
}

const SERIES = /^([a-z_:][\w:]*)(\{.*\})? \S+$/gim;
const LABEL = /(\w+)="([^"]*)"/g;

/** Labels whose values are all there from the start. */
export const CLOSED_LABELS: ReadonlySet<string> = new Set([
  "grpc_code",
  "outcome",
  "result",
  "saga",
  "state",
  "step",
]);

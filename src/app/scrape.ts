/**
 * Gauges that are read rather than counted: sampled for each scrape.
 *
 * Invariants: answers from the first moment of the start until HTTP stops; a store that cannot be read leaves the
 * last numbers standing and fails no scrape.
 */
import type { Clock, Lifecycle, TaskGroup } from "@oms/lifecycle";
import type { OutboxRelay } from "../events/mod.ts";
import type { GrpcEdge } from "../grpc/edge.ts";
import type { SagaDispatcher } from "../sagas/dispatcher.ts";
import type { HealthMonitor, HealthReport } from "../http/health.ts";
import type { SagaKind } from "../orders/saga.ts";
import type { Ages } from "../storage/ages.ts";
import type { Store } from "../storage/store.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { VERSION } from "./build_info.ts";

interface Sources {
  readonly store: Store;
  readonly ages: Ages;
  readonly relay: OutboxRelay;
  readonly monitor: HealthMonitor;
  readonly edge: GrpcEdge;
  readonly sagas: TaskGroup;
  readonly dispatcher: Pick<SagaDispatcher, "unknownVersions">;
  readonly clock: Clock;
}

export class Scrape {
  readonly #metrics: Metrics;
  readonly #lifecycle: Lifecycle;
  #sources: Sources | null = null;
  #refused = 0;

  constructor(metrics: Metrics, lifecycle: Lifecycle) {
    this.#metrics = metrics;
    this.#lifecycle = lifecycle;
  }

  /** The parts are there; until now there was nothing to sample. */
  attach(sources: Sources): void {
    this.#sources = sources;
  }

  async render(): Promise<string> {
    if (this.#sources !== null) {
      await this.#sampleSagas(this.#sources);
      this.#sampleBacklog(this.#sources);
      this.#sampleEdge(this.#sources);
      this.#sampleStop(this.#sources);
      const { behindMs } = this.#sources.ages;
      this.#metrics.clock.behindStore.set(behindMs / 1_000);
    }
    return await this.#metrics.render();
  }

  /** What makes a process that is up unfit for new connections; null: nothing does. */
  unready(): string | null {
    const errno = this.#sources?.edge.deaf ?? null;
    return errno === null
      ? null
      : `the gRPC port does not accept connections (${errno})`;
  }

  async health(): Promise<HealthReport> {
    if (this.#sources !== null) return await this.#sources.monitor.report();
    return {
      status: "degraded",
      timestamp: new Date().toISOString(),
      checks: {
        start: {
          status: "degraded",
          message: "the service is starting",
          duration_ms: 0,
        },
      },
      version: VERSION,
      uptime_seconds: 0,
    };
  }

  async #sampleSagas({ store, dispatcher, clock }: Sources): Promise<void> {
    const { saga } = this.#metrics;
    try {
      const stats = await store.sagaStats();
      const kinds: SagaKind[] = ["pay", "cancel", "refund"];
      for (const kind of kinds) {
        saga.pending.set({ saga: kind }, stats.open[kind]);
      }
      saga.stuck.set(stats.stuck + dispatcher.unknownVersions);
      const oldest = stats.oldestUnfinishedAt;
      saga.oldestUnfinishedAge.set(
        oldest === null ? 0 : Math.max(0, clock.wallNow() - oldest) / 1_000,
      );
    } catch {
      // The store's own state is on /healthz; the other metrics are still worth having.
    }
  }

  #sampleBacklog({ relay }: Sources): void {
    const { pending, oldestAgeMs, deadLetters } = relay.backlog();
    this.#metrics.outbox.pendingRecords.set(pending);
    this.#metrics.outbox.oldestPendingAge.set(oldestAgeMs / 1_000);
    this.#metrics.outbox.deadLetters.set(deadLetters);
  }

  #sampleEdge({ edge }: Sources): void {
    const { connections, openCalls } = this.#metrics.edge;
    openCalls.set(edge.inflight);
    const { open, refused } = edge.connections();
    connections.open.set(open);
    connections.refused.inc(refused - this.#refused);
    this.#refused = refused;
    connections.accepting.set(edge.deaf === null ? 1 : 0);
  }

  #sampleStop({ edge, sagas }: Sources): void {
    const { shutdown } = this.#metrics;
    const report = this.#lifecycle.reportSoFar();
    if (report === undefined) return;
    shutdown.duration.set(report.durationMs / 1_000);
    shutdown.inflightSagas.set(sagas.size);
    shutdown.inflightRpcs.set(edge.inflight);
    for (const { phase, durationMs } of report.phases) {
      shutdown.phaseDuration.set({ phase }, durationMs / 1_000);
    }
  }
}

/**
 * Aggregated health: what /healthz says.
 *
 * Invariants: an answer comes within CHECK_TIMEOUT_MS, whatever a check does; only a failed *critical* check
 * makes the service unhealthy, everything else degrades it. Readiness is not decided here: a database that
 * all replicas share going away must not take all of them out of service at once.
 */
import type { Clock } from "@oms/lifecycle";

/** ms that a check may take before it counts as failed. */
const CHECK_TIMEOUT_MS = 1_000;

export interface HealthCheck {
  readonly name: string;
  /** Its failure makes the service unhealthy, not only degraded. */
  readonly critical: boolean;
  /** A sentence when all is well; throws, with the reason, when not. */
  run(): Promise<string> | string;
}

export interface CheckResult {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly message: string;
  /** Whole ms. */
  readonly duration_ms: number;
}

export interface HealthReport {
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** When it was asked for: RFC 3339, UTC. */
  readonly timestamp: string;
  readonly checks: Readonly<Record<string, CheckResult>>;
  readonly version: string;
  readonly uptime_seconds: number;
}

export class HealthMonitor {
  readonly #checks: readonly HealthCheck[];
  readonly #clock: Clock;
  readonly #version: string;
  readonly #startedAt: number;

  constructor(checks: readonly HealthCheck[], clock: Clock, version: string) {
    this.#checks = checks;
    this.#clock = clock;
    this.#version = version;
    this.#startedAt = clock.now();
  }

  async report(): Promise<HealthReport> {
    const timestamp = new Date(this.#clock.wallNow()).toISOString();
    const results = await Promise.all(
      this.#checks.map((check) => this.#run(check)),
    );
    const worst = (["unhealthy", "degraded"] as const).find((status) =>
      results.some(([, result]) => result.status === status)
    );
    const uptime = this.#clock.now() - this.#startedAt;
    return {
      status: worst ?? "healthy",
      timestamp,
      checks: Object.fromEntries(results),
      version: this.#version,
      uptime_seconds: Math.round(uptime) / 1_000,
    };
  }

  async #run(check: HealthCheck): Promise<[string, CheckResult]> {
    const started = this.#clock.now();
    const result = (status: CheckResult["status"], message: string) => {
      const duration = Math.round(this.#clock.now() - started);
      const entry: CheckResult = { status, message, duration_ms: duration };
      return [check.name, entry] satisfies [string, CheckResult];
    };
    const timeout = Promise.withResolvers<never>();
    const timer = this.#clock.after(CHECK_TIMEOUT_MS, () => {
      timeout.reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`));
    });
    try {
      const checked = Promise.try(() => check.run());
      return result("healthy", await Promise.race([checked, timeout.promise]));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return result(check.critical ? "unhealthy" : "degraded", message);
    } finally {
      timer.cancel();
    }
  }
}

/**
 * Starts runs of sagas, and puts those aside whose run failed on a defect.
 *
 * Not promised: that a saga runs; one of an unknown definition version is left to the processes that know it.
 */
import type { TaskContext } from "@oms/lifecycle";
import type { Saga } from "../orders/saga.ts";
import { AttemptAges } from "./attempt_ages.ts";
import { backoffMs } from "./backoff.ts";
import { definitionOf } from "./definitions.ts";
import { OwnershipLostError } from "./errors.ts";
import { type Lease, LeaseKeeper } from "./leases.ts";
import { logFields, type NamedSaga } from "./log_fields.ts";
import { type RunEnd, SagaRun } from "./run.ts";
import type { RunnerDeps } from "./runner_deps.ts";
import { putAside } from "./transition.ts";
import { untilAvailable } from "./until_available.ts";

export class SagaRunner {
  readonly #deps: RunnerDeps;
  readonly #leases: LeaseKeeper;
  readonly #ages: AttemptAges;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    this.#leases = new LeaseKeeper(deps);
    this.#ages = new AttemptAges(deps);
  }

  /** @throws the definition's or the store's error: a defect, see `shelve`. */
  async run(saga: Saga, context: TaskContext): Promise<RunEnd> {
    const definition = definitionOf(saga);
    if (definition === null) return { kind: "not_ours" };
    using lease = this.#leases.open(context.signal);
    let run: SagaRun | null = null;
    try {
      const order = await untilAvailable(
        this.#deps,
        saga,
        () => this.#deps.store.order(saga.orderId),
        lease.signal,
      );
      if (order === null) {
        throw new Error(
          `Cannot run ${saga.id}: ${saga.orderId} does not exist`,
        );
      }
      run = new SagaRun(
        this.#deps,
        { definition, lease, ages: this.#ages },
        order,
        saga,
        context,
      );
      return await run.go();
    } catch (error) {
      if (error instanceof OwnershipLostError) {
        this.#ages.forget(saga.id);
        this.#deps.log.debug("saga is not ours", {
          ...logFields(saga),
          reason: error.message,
        });
        return { kind: "not_ours" };
      }
      if (lease.over) return { kind: "handed_back" };
      if (run?.claimed === false) {
        return await this.#unlessDefect(saga, error, lease);
      }
      throw error;
    }
  }

  /**
   * The order is read after the saga: what another process has done to both meanwhile makes a pair that no
   * definition knows. The claim would have been refused, so nothing was decided on it, and it is no defect.
   * @throws `error` when it is one
   */
  async #unlessDefect(
    saga: Saga,
    error: unknown,
    lease: Lease,
  ): Promise<RunEnd> {
    try {
      const stored = await untilAvailable(
        this.#deps,
        saga,
        () => this.#deps.store.saga(saga.id),
        lease.signal,
      );
      if (stored?.fence !== saga.fence) return { kind: "not_ours" };
    } catch (reason) {
      if (lease.over) return { kind: "handed_back" };
      throw reason;
    }
    throw error;
  }

  /**
   * Puts a saga whose run failed on a defect aside, flagged for an operator and due again after the longest
   * back-off, apart from others that met the same defect; the open attempt stays as it is.
   */
  async shelve(
    found: NamedSaga,
    defect: Error,
    signal: AbortSignal,
  ): Promise<RunEnd> {
    const { store, clock, retry, owner, newCommitId } = this.#deps;
    const patiently = <T>(run: () => Promise<T>) =>
      untilAvailable(this.#deps, found, run, signal);
    try {
      const saga = await patiently(() => store.saga(found.id));
      const ours = saga !== null && saga.state === "open" &&
        (saga.owner === null || saga.owner === owner);
      if (!ours) return { kind: "not_ours" };
      const now = clock.wallNow();
      const asked = {
        askedMs: retry.maxMs,
        keyLeftMs: saga.attempt === null
          ? Infinity
          : this.#ages.keyLeftMs(saga.id, saga.attempt),
      };
      const due = now + backoffMs(1, retry, asked);
      const shelved = putAside(saga, due, `defect: ${defect.message}`, now);
      const change = {
        commitId: newCommitId(),
        sagaUpdate: { saga: shelved, expectedFence: saga.fence },
      };
      const result = await patiently(() => store.commit(change));
      return result.kind === "committed"
        ? { kind: "postponed", nextAttemptAt: shelved.nextAttemptAt }
        : { kind: "not_ours" };
    } catch (error) {
      if (signal.aborted) return { kind: "handed_back" };
      throw error;
    }
  }
}

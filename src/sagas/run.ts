/**
 * Runs one saga from its durable state as far as it goes.
 *
 * Invariants
 * - Claim and first mark are one commit; every commit is conditional on the fence of the one before, and moves it.
 * - A provider hears of a step only after its attempt is durable, always under the same key with the same bytes.
 * - A known provider result is never discarded: a version conflict re-applies it to the reloaded order, an
 *   unavailable store is retried until `resultsUntil` aborts, and the hard signal does not reach that commit.
 * - Our own abort, also the end of the lease, is no attempt, no result, no event: the saga is handed back as it
 *   stands.
 *
 * Not promised: that a saga ends. Unknown answers postpone it, and a key that the provider no longer keeps
 * parks it for an operator.
 */
import type { TaskContext } from "@oms/lifecycle";
import type { OrderChange } from "../orders/edit.ts";
import type { Order } from "../orders/order.ts";
import type { Saga, StepAttempt } from "../orders/saga.ts";
import type { ProviderResult } from "../providers/provider.ts";
import type { ChangeSet } from "../storage/store.ts";
import type { AttemptAges, KeyVerdict } from "./attempt_ages.ts";
import { backoffMs } from "./backoff.ts";
import { callProvider } from "./call.ts";
import type { SagaDefinition, StepOutcome } from "./definition.ts";
import { OwnershipLostError } from "./errors.ts";
import type { Lease } from "./leases.ts";
import { logFields } from "./log_fields.ts";
import type { RunnerDeps } from "./runner_deps.ts";
import {
  advance,
  claimBy,
  handBack,
  moved,
  park,
  postpone,
  putAside,
  resolve,
  type Transition,
} from "./transition.ts";
import { untilAvailable } from "./until_available.ts";

/** The part of a step's commit that is about the order. */
type OrderPart = Pick<
  ChangeSet,
  "orderCheck" | "orderUpdate" | "timeline" | "outbox"
>;

/** How a run ended. */
export type RunEnd =
  /** `more`: the order has later sagas. */
  | { readonly kind: "ended"; readonly saga: Saga; readonly more: boolean }
  /** Due again at this epoch ms. */
  | { readonly kind: "postponed"; readonly nextAttemptAt: number }
  | { readonly kind: "handed_back" }
  /** Somebody else has it, or an earlier saga of its order has not ended. */
  | { readonly kind: "not_ours" };

/** What it has beside what all runs have. */
export interface RunParts {
  readonly definition: SagaDefinition;
  readonly lease: Lease;
  readonly ages: AttemptAges;
}

export class SagaRun {
  readonly #deps: RunnerDeps;
  readonly #definition: SagaDefinition;
  readonly #ages: AttemptAges;
  readonly #context: Pick<TaskContext, "progress">;
  readonly #lease: Lease;
  #order: Order;
  #saga: Saga;
  #claimed = false;
  /** The key that was found under way: its call may have been sent by an earlier run. */
  #foundOpen: string | null = null;

  constructor(
    deps: RunnerDeps,
    { definition, lease, ages }: RunParts,
    order: Order,
    saga: Saga,
    context: Pick<TaskContext, "progress">,
  ) {
    this.#deps = deps;
    this.#ages = ages;
    this.#definition = definition;
    this.#order = order;
    this.#saga = saga;
    this.#context = context;
    this.#lease = lease;
  }

  /** Whether the saga is held, or was, by this run. */
  get claimed(): boolean {
    return this.#claimed;
  }

  async go(): Promise<RunEnd> {
    if (this.#saga.attempt !== null) {
      this.#foundOpen = this.#saga.attempt.key;
      await this.#move(this.#saga, this.#lease.signal);
    }
    for (;;) {
      const { attempt } = this.#saga;
      const next = attempt === null
        ? await this.#advance()
        : await this.#attempt(attempt);
      if (typeof next !== "string") return next;
      if (next === "end") {
        this.#tellEnd();
        const more = this.#order.lastSagaNumber > this.#saga.number;
        return { kind: "ended", saga: this.#saga, more };
      }
      if (this.#lease.over) return await this.#handBack();
    }
  }

  #tellEnd(): void {
    const { observer, clock, log } = this.#deps;
    const { state, failure, stuckReason } = this.#saga;
    this.#ages.forget(this.#saga.id);
    observer.ended(this.#saga, clock.wallNow());
    const fields = logFields(this.#saga);
    if (state === "parked") {
      log.error("saga parked, it needs an operator", {
        ...fields,
        reason: stuckReason,
      });
    } else log.debug("saga settled", { ...fields, outcome: state, failure });
  }

  /** From rest; for a saga not yet claimed, the claim is part of the same commit. */
  async #advance(): Promise<Transition["next"]> {
    const started = this.#deps.clock.now();
    const next = await this.#commit(
      (now) => advance(this.#definition, this.#order, this.#saga, now),
      this.#lease.signal,
    );
    if (this.#saga.completedSteps.at(-1) === "confirm") {
      this.#deps.observer.step("confirm", this.#deps.clock.now() - started);
    }
    return next;
  }

  async #attempt(attempt: StepAttempt): Promise<Transition["next"] | RunEnd> {
    const { clock, keyRetentionMs, observer, resultsUntil } = this.#deps;
    const key = this.#ages.judge(this.#saga.id, attempt);
    if (key.kind === "wait") return await this.#hold(attempt, key);
    if (key.kind === "too_old") {
      const reason =
        `${attempt.step} is unknown and its key is older than the ${keyRetentionMs} ms for which the provider keeps keys`;
      return await this.#commit(
        (now) => park(this.#definition, this.#order, this.#saga, reason, now),
        this.#lease.signal,
      );
    }
    // Whatever was waited for since the last commit: another process may be at it by now.
    if (this.#lease.over) return await this.#handBack();
    this.#context.progress(attempt.step);
    const started = clock.now();
    let result: ProviderResult;
    try {
      result = await callProvider(
        this.#deps.providers,
        this.#saga,
        attempt,
        this.#lease.signal,
      );
    } catch (error) {
      if (this.#lease.over) return await this.#handBack();
      throw error;
    }
    if (result.kind === "unknown" || result.kind === "misconfigured") {
      return await this.#postpone(attempt, result);
    }
    const outcome: StepOutcome = result.kind === "done"
      ? result
      : { ...result, sentBefore: attempt.key === this.#foundOpen };
    const next = await this.#commit(
      (now) => resolve(this.#definition, this.#order, this.#saga, outcome, now),
      resultsUntil,
    );
    observer.step(attempt.step, clock.now() - started);
    this.#tellUndo(attempt, result);
    return next;
  }

  /** What an undo met that neither the order's end nor its timeline says. */
  #tellUndo({ step }: StepAttempt, result: ProviderResult): void {
    const { log } = this.#deps;
    const fields = logFields(this.#saga);
    if (result.kind === "done" && result.gone) {
      log.info("nothing to release, the reservation is gone", fields);
    } else if (result.kind === "declined" && step === "refund") {
      log.info("refund declined", { ...fields, reason: result.reason });
    }
  }

  async #postpone(
    attempt: StepAttempt,
    result: Extract<ProviderResult, { kind: "unknown" | "misconfigured" }>,
  ): Promise<RunEnd> {
    const { clock, retry, stuckAfterMs, log } = this.#deps;
    const now = clock.wallNow();
    const misconfigured = result.kind === "misconfigured";
    const askedMs = misconfigured ? retry.maxMs : result.retryAfterMs;
    const delay = backoffMs(
      attempt.unknowns + 1,
      retry,
      askedMs === undefined ? undefined : {
        askedMs,
        keyLeftMs: this.#ages.keyLeftMs(this.#saga.id, attempt),
      },
    );
    const overdue = now - this.#saga.createdAt > stuckAfterMs;
    const stuckReason = misconfigured || overdue
      ? `${attempt.step} is ${result.kind}: ${result.cause}`
      : this.#saga.stuckReason;
    const saga = postpone(this.#saga, now + delay, stuckReason, now);
    log[misconfigured ? "error" : "warn"]("saga step postponed", {
      ...logFields(saga),
      step: attempt.step,
      outcome: result.kind,
      cause: result.cause,
      unknowns: attempt.unknowns + 1,
      retry_in_ms: delay,
    });
    await this.#move(saga, this.#lease.signal);
    return { kind: "postponed", nextAttemptAt: saga.nextAttemptAt };
  }

  /** As it stands, until the clock can tell whether the provider still keeps the key. */
  async #hold(
    attempt: StepAttempt,
    { reason, forMs }: Extract<KeyVerdict, { kind: "wait" }>,
  ): Promise<RunEnd> {
    const { clock, retry, observer, log } = this.#deps;
    const now = clock.wallNow();
    const again = backoffMs(1, retry, {
      askedMs: retry.maxMs,
      keyLeftMs: Infinity,
    });
    const delay = Math.min(again, Math.ceil(forMs ?? again));
    const stuckReason = `${attempt.step} is not sent: ${reason}`;
    observer.held();
    if (this.#saga.stuckReason !== stuckReason) {
      log.warn("saga step held back by the clock", {
        ...logFields(this.#saga),
        step: attempt.step,
        reason,
        clear_in_ms: forMs,
      });
    }
    const saga = putAside(this.#saga, now + delay, stuckReason, now);
    await this.#move(saga, this.#lease.signal);
    return { kind: "postponed", nextAttemptAt: saga.nextAttemptAt };
  }

  /** Best effort: a saga that cannot be handed back is free when this incarnation is dead. */
  async #handBack(): Promise<RunEnd> {
    const saga = handBack(this.#saga, this.#deps.clock.wallNow());
    try {
      await this.#deps.store.commit(this.#changeSet(saga, {}));
    } catch (error) {
      this.#deps.log.warn("saga not handed back", {
        ...logFields(saga),
        error,
      });
    }
    return { kind: "handed_back" };
  }

  /**
   * Writes the saga alone. Nothing was decided on the order, so its version does not matter: a cancel accepted
   * meanwhile must not keep the saga from being claimed, postponed or handed back.
   */
  async #move(saga: Saga, until: AbortSignal): Promise<void> {
    await this.#write(saga, {}, until);
  }

  /** One transition, decided again on the reloaded order for as long as the order's version moves. */
  async #commit(
    decide: (now: number) => Transition,
    until: AbortSignal,
  ): Promise<Transition["next"]> {
    for (;;) {
      const transition = decide(this.#deps.clock.wallNow());
      const { saga, change, next } = transition;
      const conditional = this.#onVersion(change);
      if (await this.#write(saga, conditional, until) === "committed") {
        if (change !== null) this.#order = change.order;
        this.#deps.observer.changed(change);
        return next;
      }
      const order = await this.#untilAvailable(
        () => this.#deps.store.order(this.#saga.orderId),
        until,
      );
      if (order !== null) this.#order = order;
    }
  }

  /** @throws OwnershipLostError when the saga has another fence or cannot be claimed */
  async #write(
    saga: Saga,
    onOrder: OrderPart,
    until: AbortSignal,
  ): Promise<"committed" | "order_version"> {
    const claim = !this.#claimed;
    const before = this.#saga;
    const owned = claim
      ? claimBy(saga, before, this.#deps.owner)
      : moved(saga, before);
    const { attempt } = owned;
    if (attempt !== null && attempt.key !== before.attempt?.key) {
      this.#ages.making(owned.id, attempt);
    }
    const set = this.#changeSet(owned, onOrder);
    const sentAt = this.#deps.clock.now();
    const result = await this.#untilAvailable(
      () => this.#deps.store.commit(set),
      until,
    );
    if (result.kind === "committed") {
      if (claim) {
        this.#deps.observer.claimed(this.#saga);
        if (owned.owner !== null) this.#lease.granted(owned.id, sentAt);
      }
      this.#claimed = true;
      this.#saga = owned;
      return "committed";
    }
    if (result.which === "order_version") return "order_version";
    throw new OwnershipLostError(saga.id, result.which);
  }

  #untilAvailable<T>(run: () => Promise<T>, until: AbortSignal): Promise<T> {
    return untilAvailable(this.#deps, this.#saga, run, until);
  }

  /** What the order has to be, or becomes, for the decision to hold. */
  #onVersion(change: OrderChange | null): OrderPart {
    const { id, version: expectedVersion } = this.#order;
    if (change === null) return { orderCheck: { id, expectedVersion } };
    const { order, timeline, outbox } = change;
    return { orderUpdate: { order, expectedVersion }, timeline, outbox };
  }

  #changeSet(saga: Saga, onOrder: OrderPart): ChangeSet {
    return {
      commitId: this.#deps.newCommitId(),
      ...onOrder,
      sagaUpdate: {
        saga,
        expectedFence: this.#saga.fence,
        ...(this.#claimed ? {} : { claim: { leaseMs: this.#deps.leaseMs } }),
      },
    };
  }
}

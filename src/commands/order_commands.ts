/**
 * The four mutating use cases: from a valid input to a durable answer.
 *
 * Order of checks: key look-up (replay, or KeyReusedError) -> back-pressure and stopping -> preconditions. One
 * transaction writes order, saga, timeline, outbox and the idempotency answer; only after it has committed
 * is the answer given, and the saga offered to the dispatcher. After that commit nothing here can fail the call.
 *
 * Calls of this process for one order decide one after the other; only sagas and other processes move its version
 * under a call.
 *
 * Answers are kept byte for byte: OK, NOT_FOUND and FAILED_PRECONDITION. Nothing transient is kept, and no
 * INVALID_ARGUMENT: the corrected request may have the same key. They are kept for `answerTtlMs` at least, by each of
 * the clocks: one that jumps frees no key.
 */
import type { Clock } from "@oms/lifecycle";
import {
  type Acceptance,
  type AcceptanceInput,
  acceptCancel,
  acceptPay,
  acceptRefund,
  createOrder,
  type RefundAmount,
} from "../orders/acceptance.ts";
import type { OrderChange } from "../orders/edit.ts";
import { isOrderId, newOrderId, newSagaId } from "../orders/ids.ts";
import type { Order, OrderItem } from "../orders/order.ts";
import type { Saga } from "../orders/saga.ts";
import type { Ages } from "../storage/ages.ts";
import type { ChangeSet, Store, StoredAnswer } from "../storage/store.ts";
import {
  BacklogError,
  KeyReusedError,
  RequestMismatchError,
  StoppingError,
  VersionRaceError,
} from "./errors.ts";
import { SingleFlight } from "./single_flight.ts";
import { Turns } from "./turns.ts";

/** gRPC status codes of answers that are kept. */
export const ANSWER_OK = 0;
export const ANSWER_NOT_FOUND = 5;
export const ANSWER_FAILED_PRECONDITION = 9;

const MAX_VERSION_ATTEMPTS = 8;

const UNKNOWN_ORDER = {
  reason: "ORDER_NOT_FOUND",
  message: "No order has this id",
};

/** What every mutating call brings along. */
export interface Mutation {
  readonly idempotencyKey: string;
  /** Hex digest over method and re-encoded request. */
  readonly fingerprint: string;
  readonly correlationId: string;
  readonly traceparent: string | null;
  /** The call's deadline or cancel: reaches reads and the place in the store's queue. */
  readonly signal: AbortSignal;
  /** Bytes of the OK answer about this order; kept with the key. */
  readonly encode: (order: Order) => Uint8Array;
}

export interface CommandDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ages: Ages;
  readonly newCommitId: () => string;
  /** ms for which an answer is kept. */
  readonly answerTtlMs: number;
  /** True while too many events wait for the broker. */
  readonly overBacklog: () => boolean;
  /** False once sagas are no longer taken on. */
  readonly acceptingSagas: () => boolean;
  /** Called after the commit, before the answer is given. */
  readonly accepted: (change: OrderChange, saga: Saga | null) => void;
}

export interface CreateInput {
  readonly customerId: string;
  readonly currency: string;
  readonly items: readonly OrderItem[];
}

export interface RefundInput {
  readonly orderId: string;
  /** Null: all that is left. */
  readonly amount: RefundAmount | null;
  readonly reason: string;
}

type Decide = (order: Order, input: AcceptanceInput) => Acceptance;

/** One try at a mutation: a kept answer, or null when the order moved and it has to be decided again. */
type Attempt = (signal: AbortSignal) => Promise<StoredAnswer | null>;

export class OrderCommands {
  readonly #deps: CommandDeps;
  readonly #flights = new SingleFlight<StoredAnswer>();
  readonly #turns = new Turns();

  constructor(deps: CommandDeps) {
    this.#deps = deps;
  }

  create(input: CreateInput, mutation: Mutation): Promise<StoredAnswer> {
    return this.#once(mutation, false, async (signal) => {
      const change = createOrder({
        ...input,
        id: newOrderId(),
        now: this.#deps.clock.wallNow(),
        traceparent: mutation.traceparent,
      });
      const answer = this.#ok(change.order, mutation);
      const done = await this.#write({
        orderInsert: change.order,
        timeline: change.timeline,
        outbox: change.outbox,
        answer,
      }, signal);
      if (!done) return null;
      this.#deps.accepted(change, null);
      return answer;
    });
  }

  pay(orderId: string, mutation: Mutation): Promise<StoredAnswer> {
    return this.#accept(orderId, mutation, acceptPay);
  }

  cancel(
    orderId: string,
    reason: string,
    mutation: Mutation,
  ): Promise<StoredAnswer> {
    return this.#accept(
      orderId,
      mutation,
      (order, input) => acceptCancel(order, reason, input),
    );
  }

  refund(input: RefundInput, mutation: Mutation): Promise<StoredAnswer> {
    return this.#accept(
      input.orderId,
      mutation,
      (order, context) =>
        acceptRefund(order, input.amount, input.reason, context),
    );
  }

  #accept(
    orderId: string,
    mutation: Mutation,
    decide: Decide,
  ): Promise<StoredAnswer> {
    return this.#once(
      mutation,
      true,
      (signal) =>
        this.#turns.take(
          orderId,
          signal,
          () => this.#decide(orderId, mutation, decide, signal),
        ),
    );
  }

  async #decide(
    orderId: string,
    mutation: Mutation,
    decide: Decide,
    signal: AbortSignal,
  ): Promise<StoredAnswer | null> {
    const order = await this.#find(orderId);
    if (order === null) {
      const answer = this.#refusal(mutation, ANSWER_NOT_FOUND, UNKNOWN_ORDER);
      return await this.#write({ answer }, signal) ? answer : null;
    }
    const acceptance = decide(order, {
      sagaId: newSagaId(),
      now: this.#deps.clock.wallNow(),
      correlationId: mutation.correlationId,
      traceparent: mutation.traceparent,
    });
    const expectedVersion = order.version;
    if (acceptance.kind === "invalid") {
      const { reason, message } = acceptance.refusal;
      throw new RequestMismatchError("amount.currency", reason, message);
    }
    if (acceptance.kind !== "accepted") {
      const answer = acceptance.kind === "unchanged"
        ? this.#ok(order, mutation)
        : this.#refusal(
          mutation,
          ANSWER_FAILED_PRECONDITION,
          acceptance.refusal,
        );
      const done = await this.#write({
        orderCheck: { id: order.id, expectedVersion },
        answer,
      }, signal);
      return done ? answer : null;
    }
    const { change, saga } = acceptance;
    const answer = this.#ok(change.order, mutation);
    const done = await this.#write({
      orderUpdate: { order: change.order, expectedVersion },
      sagaInsert: saga,
      timeline: change.timeline,
      outbox: change.outbox,
      answer,
    }, signal);
    if (!done) return null;
    this.#deps.accepted(change, saga);
    return answer;
  }

  #once(
    mutation: Mutation,
    needsSaga: boolean,
    attempt: Attempt,
  ): Promise<StoredAnswer> {
    const { idempotencyKey, fingerprint, signal } = mutation;
    return this.#flights.run(
      idempotencyKey,
      fingerprint,
      signal,
      (shared) => this.#execute(mutation, needsSaga, attempt, shared),
    );
  }

  async #execute(
    mutation: Mutation,
    needsSaga: boolean,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<StoredAnswer> {
    const { store, ages, overBacklog, acceptingSagas } = this.#deps;
    for (let tries = 0; tries < MAX_VERSION_ATTEMPTS; tries++) {
      const kept = await store.answer(
        mutation.idempotencyKey,
        ages.earliest,
      );
      if (kept !== null) {
        if (kept.fingerprint !== mutation.fingerprint) {
          throw new KeyReusedError();
        }
        return kept;
      }
      if (overBacklog()) throw new BacklogError();
      if (needsSaga && !acceptingSagas()) throw new StoppingError();
      signal.throwIfAborted();
      const answer = await attempt(signal);
      if (answer !== null) return answer;
    }
    throw new VersionRaceError(MAX_VERSION_ATTEMPTS);
  }

  /** False on a conflict: the order moved, or another process has answered this key. */
  async #write(
    change: Omit<ChangeSet, "commitId">,
    signal: AbortSignal,
  ): Promise<boolean> {
    const commitId = this.#deps.newCommitId();
    const result = await this.#deps.store.commit(
      { commitId, ...change },
      { signal },
    );
    return result.kind === "committed";
  }

  async #find(orderId: string): Promise<Order | null> {
    return isOrderId(orderId) ? await this.#deps.store.order(orderId) : null;
  }

  #ok(order: Order, mutation: Mutation): StoredAnswer {
    return this.#answer(mutation, ANSWER_OK, "", mutation.encode(order));
  }

  /** The payload of a refusal is its machine-readable reason. */
  #refusal(
    mutation: Mutation,
    code: number,
    { reason, message }: typeof UNKNOWN_ORDER,
  ): StoredAnswer {
    const payload = new TextEncoder().encode(reason);
    return this.#answer(mutation, code, message, payload);
  }

  #answer(
    { idempotencyKey: key, fingerprint }: Mutation,
    code: number,
    message: string,
    payload: Uint8Array,
  ): StoredAnswer {
    const { clock, ages, answerTtlMs } = this.#deps;
    const createdAt = clock.wallNow();
    const expiresAt = ages.latest + answerTtlMs;
    return { key, fingerprint, code, message, payload, createdAt, expiresAt };
  }
}

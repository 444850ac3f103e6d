/**
 * A small world in which sagas live, die and are resumed: one durable state, scripted providers, and one process
 * (an incarnation) after another over them.
 *
 * Invariants: a crash is final (nothing of the dead incarnation writes, or is answered); every change of the
 * state is checked on the spot, see `violations`; on the default clock no real time passes.
 *
 * Every commit and every provider call is two edges; the incarnation dies at those numbered in `crashAt`.
 */
import { setImmediate } from "node:timers";
import type { Clock, LogFields } from "@oms/lifecycle";
import { FakeClock } from "@oms/lifecycle/testing";
import type {
  Mutation,
  OrderCommands,
} from "../../src/commands/order_commands.ts";
import type { OrderId } from "../../src/orders/ids.ts";
import type { OrderItem } from "../../src/orders/order.ts";
import type { Saga, SagaKind } from "../../src/orders/saga.ts";
import { StoreFatalError } from "../../src/storage/errors.ts";
import { MemoryState } from "../../src/storage/memory.ts";
import type { StoredAnswer } from "../../src/storage/store.ts";
import {
  type Faults,
  incarnate,
  type Incarnation,
  type WorldOptions,
} from "./saga_incarnation.ts";
import type { Acknowledged, Holders } from "./saga_verdict.ts";
import { ScriptedProviders } from "./scripted_providers.ts";

/** A fake clock whose flush is a turn of the event loop, not a timer of one or two real milliseconds. */
export class QuickClock extends FakeClock {
  override flush(): Promise<void> {
    return new Promise((resolve) => void setImmediate(resolve));
  }
}

export class SagaWorld implements AsyncDisposable {
  readonly clock: Clock;
  readonly state = new MemoryState();
  readonly providers: ScriptedProviders;
  readonly faults: Faults = { commit: null, read: null, overBacklog: false };
  readonly acknowledged: Acknowledged[] = [];
  /** Broken invariants, found on the spot. */
  readonly violations: string[] = [];
  /** Error lines of the log: a defect of the engine, or what a test provoked. */
  readonly errors: string[] = [];
  /** Lines for an operator, with their fields. */
  readonly told: LogFields[] = [];
  /** Names of the edges passed. */
  readonly edges: string[] = [];
  readonly crashAt: Set<number>;
  /** Told of each edge, before a death at it. */
  atEdge: (number: number) => void = () => {};
  process: Incarnation;
  dead = false;
  readonly #holders: Holders = new Map();
  #incarnations = 0;
  #keys = 0;
  #waiting: (() => void)[] = [];
  #restarting: Promise<void> | null = null;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? new QuickClock();
    this.crashAt = new Set(options.crashAt);
    this.providers = new ScriptedProviders(this.clock);
    this.providers.edge = (name) => this.#edge(name);
    this.process = this.incarnate();
  }

  /** The fake clock. @throws Error when the world runs on another */
  get fake(): FakeClock {
    if (this.clock instanceof FakeClock) return this.clock;
    throw new Error("Cannot move time: the world was given a real clock");
  }

  /** The process is gone, at once; what is committed stays. */
  crash(): void {
    if (this.dead) return;
    this.dead = true;
    this.process.die();
    this.#tell();
  }

  /** The next process, over the same state; it takes up what it finds. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart()
      .finally(() => this.#restarting = null);
    return this.#restarting;
  }

  async #restart(): Promise<void> {
    this.crash();
    await this.turn();
    this.dead = false;
    this.process = this.incarnate();
    // A start that the store refuses is a failed start: not what these worlds are about.
    const { read } = this.faults;
    this.faults.read = null;
    await this.process.dispatcher.start();
    this.faults.read = read;
  }

  /** Lets everything run that waits for no timer. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  /** Runs, restarting after each crash, until no saga is left that could run. */
  async settle(maxMs = 48 * 3_600_000): Promise<void> {
    const end = this.clock.now() + maxMs;
    for (;;) {
      if (this.dead) await this.restart();
      await this.turn();
      if (this.dead) continue;
      if (!this.#runnable() && this.process.dispatcher.running === 0) return;
      const left = end - this.clock.now();
      if (left <= 0) throw new Error(`Sagas are not settled after ${maxMs} ms`);
      const news = new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (this.clock instanceof FakeClock) await this.clock.settle(news, left);
      else await news;
    }
  }

  /** A saga of the order, by number. @throws Error when there is none */
  saga(orderId: OrderId, number = 1): Saga {
    for (const saga of this.state.sagas.values()) {
      if (saga.orderId === orderId && saga.number === number) return saga;
    }
    throw new Error(`No saga ${number} of ${orderId}`);
  }

  order(id: OrderId) {
    const order = this.state.orders.get(id);
    if (order === undefined) throw new Error(`No order ${id}`);
    return order;
  }

  /** A pending order of one item at `amountMinor`. */
  async create(
    amountMinor = 100n,
    items: readonly OrderItem[] = [
      { sku: "sku-1", qty: 1, priceMinor: amountMinor },
    ],
  ): Promise<OrderId> {
    const input = { customerId: "customer-1", currency: "EUR", items };
    const answer = await this.call((commands, mutation) =>
      commands.create(input, mutation)
    );
    return new TextDecoder().decode(answer.payload) as OrderId;
  }

  pay(orderId: OrderId, key = this.key()): Promise<StoredAnswer> {
    return this.#accepted(
      "pay",
      orderId,
      key,
      null,
      (commands, mutation) => commands.pay(orderId, mutation),
    );
  }

  cancel(orderId: OrderId, key = this.key()): Promise<StoredAnswer> {
    return this.#accepted(
      "cancel",
      orderId,
      key,
      null,
      (commands, mutation) =>
        commands.cancel(orderId, "changed my mind", mutation),
    );
  }

  refund(
    orderId: OrderId,
    amountMinor: bigint | null,
    key = this.key(),
  ): Promise<StoredAnswer> {
    const amount = amountMinor === null
      ? null
      : { currency: "EUR", amountMinor };
    const input = { orderId, amount, reason: "broken" };
    return this.#accepted(
      "refund",
      orderId,
      key,
      amountMinor,
      (commands, mutation) => commands.refund(input, mutation),
    );
  }

  key(): string {
    return `key-${this.#keys++}`;
  }

  mutation(idempotencyKey: string, fields: Partial<Mutation> = {}): Mutation {
    return {
      idempotencyKey,
      fingerprint: "fingerprint",
      // The verdict finds an acknowledged call's saga by it.
      correlationId: idempotencyKey,
      traceparent: null,
      signal: new AbortController().signal,
      encode: (order) => new TextEncoder().encode(order.id),
      ...fields,
    };
  }

  /** A caller that repeats its call, with its key, when the process died under it. */
  async call(
    run: (commands: OrderCommands, mutation: Mutation) => Promise<StoredAnswer>,
    key = this.key(),
  ): Promise<StoredAnswer> {
    for (;;) {
      if (this.dead) await this.restart();
      const { process } = this;
      try {
        return await run(process.commands, this.mutation(key));
      } catch (error) {
        const died = this.dead || process !== this.process;
        if (!died) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.crash();
    await this.turn();
  }

  async #accepted(
    kind: SagaKind,
    orderId: OrderId,
    key: string,
    amountMinor: bigint | null,
    run: (commands: OrderCommands, mutation: Mutation) => Promise<StoredAnswer>,
  ): Promise<StoredAnswer> {
    const answer = await this.call(run, key);
    const known = this.acknowledged.some((other) => other.key === key);
    if (answer.code === 0 && !known) {
      this.acknowledged.push({ kind, orderId, key, amountMinor });
    }
    return answer;
  }

  #runnable(): boolean {
    for (const saga of this.state.unfinished()) {
      if (this.state.head(saga.orderId)?.state === "open") return true;
    }
    return false;
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #edge(name: string): void {
    const number = this.edges.push(name) - 1;
    this.atEdge(number);
    if (!this.crashAt.has(number)) return;
    this.crash();
    throw new StoreFatalError(`Crashed at edge ${number}: ${name}`);
  }

  /** One more process, that nobody has started. */
  incarnate(): Incarnation {
    const owner = `process-${++this.#incarnations}`;
    const surroundings = {
      clock: this.clock,
      state: this.state,
      providers: this.providers,
      faults: this.faults,
      holders: this.#holders,
      violations: this.violations,
      errors: this.errors,
      told: this.told,
      edge: (name: string) => this.#edge(name),
      ended: () => this.#tell(),
    };
    return incarnate(surroundings, owner, this.#options);
  }
}

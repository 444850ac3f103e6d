/**
 * One history from a seed: a hostile part, as its plan says, then calm, until nothing is left to run; then the
 * verdict.
 *
 * Invariants: the same seed and the same code make the same history. Everything that takes effect does so in one
 * step of the scheduler; the caller lets all promises run dry between two steps.
 */
import type { OrderId } from "../../../src/orders/ids.ts";
import { isOrderId } from "../../../src/orders/ids.ts";
import type { Order, OrderStatus } from "../../../src/orders/order.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import { MemoryState } from "../../../src/storage/memory.ts";
import type { ChangeSet } from "../../../src/storage/store.ts";
import {
  type Acknowledged,
  checkChange,
  checkHolders,
  type Holders,
  type Judged,
  verdict,
} from "../saga_verdict.ts";
import { judge } from "../ledger/mod.ts";
import { type ClientIntent, SimClient } from "./client.ts";
import { createdId, CURRENCY, CUSTOMER, ledgerFacts } from "./facts.ts";
import { drawPlan, ORDER_MINOR, type Plan, type PlannedCall } from "./plan.ts";
import { type Mutant, type ProcessWorld, SimProcess } from "./process.ts";
import { CALM, SimProviders } from "./providers.ts";
import { Random } from "./random.ts";
import { type Place, Scheduler } from "./scheduler.ts";

/** After so many steps it becomes calm whatever is left; after the second number nothing will settle any more. */
const HOSTILE_STEPS = 2_000;
const ALL_STEPS = 5_000;

export interface HistoryOptions {
  readonly mutant?: Mutant;
  readonly trace?: (line: string) => void;
}

export class History implements Judged {
  readonly seed: number;
  readonly plan: Plan;
  readonly state = new MemoryState();
  readonly scheduler: Scheduler;
  readonly providers: SimProviders;
  readonly acknowledged: Acknowledged[] = [];
  readonly violations: string[] = [];
  readonly errors: string[] = [];
  readonly #world: ProcessWorld;
  readonly #holders: Holders = new Map();
  readonly #processes: SimProcess[] = [];
  readonly #clients: SimClient[] = [];
  /** Calls that begin when their order becomes something. */
  #awaited: { id: OrderId; status: OrderStatus; begin: () => void }[] = [];
  /** What has happened in it, for the test that histories reach what they are about. */
  readonly reached = new Set<string>();
  #incarnations = 0;
  #hostile = 0;
  #calm = false;

  constructor(seed: number, options: HistoryOptions = {}) {
    this.seed = seed;
    const random = new Random(seed);
    const plan = drawPlan(random);
    this.plan = plan;
    const scheduler = new Scheduler(random, plan.hurry, options.trace ?? null);
    this.scheduler = scheduler;
    this.providers = new SimProviders(
      scheduler,
      () => this.#calm ? CALM : plan.temper,
      (what) => this.reached.add(what),
    );
    this.#world = {
      scheduler,
      providers: this.providers,
      mutant: options.mutant ?? {},
      errors: this.errors,
      concurrency: plan.concurrency,
      store: {
        scheduler,
        state: this.state,
        leases: plan.leases,
        written: new Set(),
        reached: (what) => this.reached.add(what),
        faults: () => this.#calm ? null : plan.faults,
        check: (change) => this.#check(change),
        applied: (change, before, wrong) => {
          this.violations.push(...wrong);
          this.#applied(change, before);
        },
      },
    };
    for (let i = 0; i < plan.processes; i++) this.#begin();
    for (const [n, calls] of plan.orders.entries()) this.#create(n, calls);
  }

  /** Lets one thing happen. False when the history is over. */
  step(): boolean {
    const { steps } = this.scheduler;
    if (this.#calm) {
      if (this.#quiet()) return false;
      if (steps > ALL_STEPS) {
        this.violations.push(`not settled after ${steps} steps`);
        return false;
      }
    } else this.#misfortune(steps);
    if (this.scheduler.step()) return true;
    this.violations.push("nothing is left to happen, and it is not settled");
    return false;
  }

  /** What is wrong with it, now that it is over. */
  judge(): string[] {
    for (const { status } of this.state.orders.values()) {
      this.reached.add(status);
    }
    for (const { kind, state } of this.state.sagas.values()) {
      this.reached.add(`a ${kind} is ${state}`);
    }
    const intents = this.#clients.map((client) => client.fact);
    const { problems } = judge(
      ledgerFacts(this.state, this.providers, intents),
    );
    return [
      ...verdict(this),
      // Parked sagas are not settled, and that is right; the verdict knows which are.
      ...problems.filter(({ kind }) => kind !== "unsettled")
        .map(({ kind, orderId, message }) => `${kind}: ${orderId}: ${message}`),
    ];
  }

  #begin(): void {
    const name = `process-${++this.#incarnations}`;
    const process = new SimProcess(this.#world, name);
    this.#processes.push(process);
    process.start(() => this.#gone(process, "crashed"));
  }

  /** @param how `closed`: the store's handle was closed, and has finished what it had */
  #gone(process: SimProcess, how: "crashed" | "closed"): void {
    const index = this.#processes.indexOf(process);
    if (index < 0) return;
    this.#processes.splice(index, 1);
    const { scheduler } = this;
    const { random } = scheduler;
    scheduler.note(`${process.place.name} ${how}`);
    for (const event of scheduler.end(process.place)) {
      const finished = event.message === "store" && how === "closed";
      if (finished || random.chance(0.6)) scheduler.resend(event);
    }
    this.#restart(process.place);
  }

  /** Where the store is locked, the next process waits until the dead one's last writes are done. */
  #restart(dead: Place): void {
    const { scheduler, plan } = this;
    const away = scheduler.random.int(0, 1_500);
    scheduler.after(scheduler.world, away, "restart", () => {
      const locked = plan.leases === "exclusive" &&
        scheduler.isUnderWay(dead, "store");
      if (locked) this.#restart(dead);
      else this.#begin();
    });
  }

  #misfortune(steps: number): void {
    const next = this.plan.hostile[this.#hostile];
    if (next === undefined || steps > HOSTILE_STEPS) {
      const settled = this.#clients.length > 0 &&
        this.#clients.every((client) => client.settled);
      if (settled || steps > HOSTILE_STEPS) this.#becomeCalm();
      return;
    }
    if (steps < next.step) return;
    this.#hostile++;
    const { random, world } = this.scheduler;
    if (this.#processes.length === 0) return;
    const process = random.pick(this.#processes);
    const { place, clock } = process;
    this.scheduler.note(`${place.name}: ${next.what}`);
    this.reached.add(next.what);
    switch (next.what) {
      case "crash":
        return this.#gone(process, "crashed");
      case "stop":
        process.stop().then(() => this.#gone(process, "closed"));
        return;
      case "forced stop":
        process.stop(0).then(() => this.#gone(process, "closed"));
        return;
      case "pause": {
        place.state = "paused";
        const wake = () => this.#wake(process);
        this.scheduler.after(world, random.int(100, 9_000), "wake", wake);
        return;
      }
      case "wall":
        clock.wallOffset = random.pick([-3_600_000, -5_000, 5_000, 3_600_000]);
    }
  }

  #wake({ place }: SimProcess): void {
    if (place.state === "paused") place.state = "running";
  }

  #becomeCalm(): void {
    this.#calm = true;
    this.scheduler.note("calm");
    this.scheduler.hurry = 0;
    for (const process of this.#processes) {
      this.#wake(process);
      process.clock.wallOffset = 0;
    }
  }

  #quiet(): boolean {
    if (this.scheduler.underWay > 0) return false;
    for (const { engine, serving, place } of this.#processes) {
      const busy = !serving || engine.dispatcher.running > 0 ||
        place.inside.length > 0;
      if (busy) return false;
    }
    for (const saga of this.state.unfinished()) {
      if (this.state.head(saga.orderId)?.state === "open") return false;
    }
    return this.#clients.every((client) => client.settled);
  }

  #create(n: number, calls: readonly PlannedCall[]): void {
    const items = [{ sku: "sku", qty: 1, priceMinor: ORDER_MINOR }];
    const input = { customerId: CUSTOMER, currency: CURRENCY, items };
    const key = `order-${n}`;
    this.#client({
      asked: {
        key,
        method: "create",
        orderId: null,
        amountMinor: ORDER_MINOR,
        reason: "",
        at: 0,
      },
      call: ({ engine }, mutation) => engine.commands.create(input, mutation),
      answered: (answer) => {
        const id = createdId(answer);
        if (!isOrderId(id)) throw new Error(`A create was answered with ${id}`);
        for (const [i, call] of calls.entries()) {
          const begin = () => this.#planned(`${key}:call-${i}`, id, call);
          const status = this.state.orders.get(id)?.status;
          if (call.when === null || call.when === status) begin();
          else this.#awaited.push({ id, status: call.when, begin });
        }
      },
    });
  }

  #planned(key: string, orderId: OrderId, planned: PlannedCall): void {
    const { kind, amountMinor } = planned;
    const amount = amountMinor === null
      ? null
      : { currency: CURRENCY, amountMinor };
    this.#client(
      {
        asked: {
          key,
          method: kind,
          orderId,
          amountMinor,
          reason: kind === "pay" ? "" : key,
          at: 0,
        },
        answered: ({ code }) => {
          if (code !== 0) return;
          this.acknowledged.push({ kind, orderId, key, amountMinor });
        },
        call: ({ engine: { commands } }, mutation) => {
          switch (kind) {
            case "pay":
              return commands.pay(orderId, mutation);
            case "cancel":
              return commands.cancel(orderId, key, mutation);
            case "refund":
              return commands.refund(
                { orderId, amount, reason: key },
                mutation,
              );
          }
        },
      },
      planned,
    );
  }

  #client(
    intent: ClientIntent,
    late: Pick<PlannedCall, "afterMs" | "hops"> = { afterMs: 0, hops: 0 },
  ): void {
    const { scheduler, violations } = this;
    const reached = (what: string) => void this.reached.add(what);
    const processes = this.#processes;
    const world = { scheduler, violations, processes, reached };
    const client = new SimClient(world, intent);
    this.#clients.push(client);
    const begin = (left: number) => {
      if (left === 0) return client.begin();
      const hop = () => begin(left - 1);
      scheduler.send(
        scheduler.world,
        "client",
        `${intent.asked.key} hops`,
        hop,
      );
    };
    scheduler.after(
      scheduler.world,
      late.afterMs,
      `${intent.asked.key} begins`,
      () => begin(late.hops),
    );
  }

  #check(change: ChangeSet): string[] {
    const found: string[] = [];
    checkChange(this.state, change, found);
    return found;
  }

  #applied(change: ChangeSet, before: Saga | null): void {
    checkHolders(this.#holders, change, this.violations);
    this.#became(change.orderUpdate?.order);
    const update = change.sagaUpdate;
    if (update === undefined || before === null) return;
    const { saga, claim } = update;
    const least = claim === undefined ? before.fence : before.fence + 1;
    if (saga.fence < least) {
      this.violations.push(
        `${saga.id}: fence ${before.fence} -> ${saga.fence}`,
      );
    }
    const takenOver = before.owner !== null && before.owner !== saga.owner;
    if (claim !== undefined && takenOver) {
      this.reached.add("a saga is taken over");
      this.#takenOver(before);
    }
  }

  #became(order: Order | undefined): void {
    if (order === undefined || this.#awaited.length === 0) return;
    const due = this.#awaited.filter(({ id, status }) =>
      id === order.id && status === order.status
    );
    this.#awaited = this.#awaited.filter((call) => !due.includes(call));
    for (const { begin } of due) begin();
  }

  /** An owner that lives has stopped what it did for the saga before another one takes it. */
  #takenOver({ id, owner }: Saga): void {
    for (const { place, key } of this.providers.flights) {
      if (place.name !== owner || !key.startsWith(id)) continue;
      const { next, state } = place;
      // After a pause the owner learns of it only now.
      const awake = state === "running" && place.inside.length === 0 &&
        (next === null || next.at > this.scheduler.now);
      if (awake) this.violations.push(`${owner} still calls for ${key}`);
    }
  }
}

/**
 * One history from a seed: a hostile part, as its plan says, then calm, until nothing is left to run; then the
 * verdict.
 *
 * Invariants: the same seed and the same code make the same history. Everything that takes effect does so in one
 * step of the scheduler; the caller lets all promises run dry between two steps.
 */
import { MemoryState } from "../../../src/storage/memory.ts";
import { T0 } from "../fixtures.ts";
import { judge } from "../ledger/mod.ts";
import { type Judged, verdict } from "../saga_verdict.ts";
import { Callers } from "./callers.ts";
import { ledgerFacts } from "./facts.ts";
import { drawPlan, isForgetful, type Plan } from "./plan.ts";
import { type Mutant, type ProcessWorld, SimProcess } from "./process.ts";
import { CALM, KEPT_MS, SimProviders } from "./providers.ts";
import { Random } from "./random.ts";
import { type Place, Scheduler } from "./scheduler.ts";
import { Watch } from "./watch.ts";

/** After so many steps it becomes calm whatever is left; after the second number nothing will settle any more. */
const HOSTILE_STEPS = 2_000;
const ALL_STEPS = 5_000;
const HOUR_MS = 3_600_000;

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
  readonly violations: string[] = [];
  readonly errors: string[] = [];
  readonly #world: ProcessWorld;
  readonly #processes: SimProcess[] = [];
  readonly #callers: Callers;
  /** What has happened in it, for the test that histories reach what they are about. */
  readonly reached = new Set<string>();
  #incarnations = 0;
  /** The newest time that ever was in the store: a process may have found it, and have written an earlier one since. */
  #newestAt = 0;
  #hostile = 0;
  #calm = false;

  constructor(seed: number, options: HistoryOptions = {}) {
    this.seed = seed;
    const random = new Random(seed);
    const plan = drawPlan(random, isForgetful(seed));
    this.plan = plan;
    const scheduler = new Scheduler(random, plan.hurry, options.trace ?? null);
    this.scheduler = scheduler;
    this.providers = new SimProviders(
      scheduler,
      () => this.#calm ? CALM : plan.temper,
      (what) => this.reached.add(what),
      plan.forgetful,
    );
    const { state, providers, violations } = this;
    const reached = (what: string) => void this.reached.add(what);
    const world = { scheduler, state, providers, violations, reached };
    const watch = new Watch(world);
    this.#callers = new Callers(
      { scheduler, violations, reached, processes: this.#processes },
      state,
    );
    this.#world = {
      scheduler,
      providers,
      mutant: options.mutant ?? {},
      errors: this.errors,
      concurrency: plan.concurrency,
      forgetful: plan.forgetful,
      store: {
        scheduler,
        state,
        reached,
        leases: plan.leases,
        written: new Set(),
        faults: () => this.#calm ? null : plan.faults,
        check: (change) => watch.before(change),
        applied: (change, before, wrong) => {
          watch.after(change, before, wrong);
          this.#newestAt = Math.max(this.#newestAt, state.newestAt() ?? 0);
          if (this.#calm) this.#passAll();
          this.#callers.became(change.orderUpdate?.order);
        },
      },
    };
    for (let i = 0; i < plan.processes; i++) this.#begin();
    for (const [n, calls] of plan.orders.entries()) {
      this.#callers.create(n, calls);
    }
  }

  get acknowledged() {
    return this.#callers.acknowledged;
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
    const { facts } = this.#callers;
    const { problems } = judge(ledgerFacts(this.state, this.providers, facts));
    // What only an operator can find out has not happened, or has, as far as anybody knows.
    const unknown = new Set<string | null>(
      [...this.state.sagas.values()]
        .filter(({ state, attempt }) => state === "parked" && attempt !== null)
        .map(({ orderId }) => orderId),
    );
    return [
      ...verdict(this),
      ...this.providers.doubles,
      // Parked sagas are not settled, and that is right; the verdict knows which are.
      ...problems.filter(({ kind, orderId }) =>
        kind !== "unsettled" &&
        (kind === "duplicated" || !unknown.has(orderId))
      )
        .map(({ kind, orderId, message }) => `${kind}: ${orderId}: ${message}`),
    ];
  }

  #begin(): void {
    const name = `process-${++this.#incarnations}`;
    const process = new SimProcess(this.#world, name, this.#firstOffset());
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
    const away = scheduler.random.int(0, 1_500) +
      (plan.forgetful && scheduler.random.chance(0.4) ? KEPT_MS : 0);
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
      const { settled } = this.#callers;
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
        clock.wallOffset = this.plan.forgetful
          ? random.pick([-25 * HOUR_MS, -HOUR_MS, 0, 0, 25 * HOUR_MS])
          : random.pick([-HOUR_MS, -5_000, 5_000, HOUR_MS]);
        return;
      case "suspend": {
        place.state = "paused";
        const ms = random.int(100, 2 * KEPT_MS);
        const wake = () => {
          clock.suspended += ms;
          this.#wake(process);
        };
        this.scheduler.after(world, ms, "wake", wake);
      }
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
      process.clock.wallOffset = this.#pastAll();
    }
  }

  /** What was sent under a wrong clock may arrive when it is calm. */
  #passAll(): void {
    const least = this.#pastAll();
    for (const { clock } of this.#processes) {
      clock.wallOffset = Math.max(clock.wallOffset, least);
    }
  }

  /** A machine's clock may be wrong as it starts: behind, which is when nobody can tell an age. */
  #firstOffset(): number {
    if (this.#calm) return this.#pastAll();
    // The first one that stores anything is right: what a wrong one stored could not be held against anything.
    if (!this.plan.forgetful || this.state.newestAt() === null) return 0;
    const offset = this.scheduler.random.pick([0, 0, -HOUR_MS, -25 * HOUR_MS]);
    if (offset < 0) this.reached.add("a start with the clock behind");
    return offset;
  }

  /** A clock that is right, or past whatever a wrong one has written: until then nobody could tell an age. */
  #pastAll(): number {
    if (this.plan.forgetful) return 0;
    const newest = Math.max(this.#newestAt, this.state.newestAt() ?? 0);
    return Math.max(0, newest + 1 - T0 - this.scheduler.now);
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
    return this.#callers.settled;
  }
}

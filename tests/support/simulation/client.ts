/**
 * A client with one thing to do: it calls some process, with a deadline, and repeats the call under its key, at
 * whatever process, until it is answered. Sometimes it asks once more afterwards.
 *
 * Invariant: every answer to one key has to be the same, byte for byte; what is not is a violation.
 */
import { equal } from "@std/assert";
import type { Mutation } from "../../../src/commands/order_commands.ts";
import type { StoredAnswer } from "../../../src/storage/store.ts";
import type { Intent } from "../ledger/facts.ts";
import { type Asked, encodeAnswer, intentFact } from "./facts.ts";
import type { SimProcess } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

export interface ClientWorld {
  readonly scheduler: Scheduler;
  /** Those that live. */
  readonly processes: readonly SimProcess[];
  readonly violations: string[];
  reached(what: string): void;
}

export interface ClientIntent {
  readonly asked: Asked;
  call(process: SimProcess, mutation: Mutation): Promise<StoredAnswer>;
  /** The first answer. */
  answered(answer: StoredAnswer): void;
}

export class SimClient {
  readonly #world: ClientWorld;
  readonly #intent: ClientIntent;
  #attempt = 0;
  #answer: StoredAnswer | null = null;

  constructor(world: ClientWorld, intent: ClientIntent) {
    this.#world = world;
    this.#intent = intent;
  }

  get settled(): boolean {
    return this.#answer !== null;
  }

  get fact(): Intent {
    return intentFact(this.#intent.asked, this.#answer);
  }

  begin(): void {
    const { scheduler, processes } = this.#world;
    const { random, world } = scheduler;
    const attempt = ++this.#attempt;
    const failed = () => {
      if (this.#attempt !== attempt || this.settled) return;
      const pause = random.int(20, 500);
      scheduler.after(world, pause, "client repeats", () => this.begin());
    };
    const serving = processes.filter((process) => process.serving);
    if (serving.length === 0) return failed();
    this.#call(random.pick(serving), failed);
  }

  #call(process: SimProcess, failed: () => void): void {
    const { scheduler } = this.#world;
    const { key, method } = this.#intent.asked;
    const { place } = process;
    const controller = new AbortController();
    const deadline = scheduler.after(
      scheduler.world,
      scheduler.random.int(200, 4_000),
      `${key} is given up`,
      () => {
        const abort = () => controller.abort(new Error("The deadline is over"));
        scheduler.deliver(place, `${key} is over`, abort);
        failed();
      },
    );
    const heard = (how: string, run: () => void) =>
      scheduler.send(place, "client", `${key} hears ${how}`, () => {
        deadline.cancel();
        run();
      });
    scheduler.deliver(
      place,
      `${key} calls ${method}`,
      () =>
        this.#intent.call(process, this.#mutation(controller.signal)).then(
          (answer) => heard("its answer", () => this.#heard(answer)),
          (error) =>
            heard(`${error?.name}`, () => {
              this.#world.reached(`a client hears ${error?.name}`);
              failed();
            }),
        ),
    );
  }

  #heard(answer: StoredAnswer): void {
    const { key } = this.#intent.asked;
    if (this.#answer === null) {
      this.#answer = answer;
      this.#intent.answered(answer);
      if (this.#world.scheduler.random.chance(0.2)) {
        this.#world.reached("a client asks again");
        this.begin();
      }
      return;
    }
    const same = answer.code === this.#answer.code &&
      equal(answer.payload, this.#answer.payload);
    if (!same) this.#world.violations.push(`${key} has two answers`);
  }

  #mutation(signal: AbortSignal): Mutation {
    const { asked } = this.#intent;
    const { key, method, amountMinor } = asked;
    return {
      idempotencyKey: key,
      fingerprint: `${method} ${amountMinor}`,
      // The verdict finds an acknowledged call's saga by it.
      correlationId: key,
      traceparent: null,
      signal,
      encode: (order) => encodeAnswer(asked, order),
    };
  }
}

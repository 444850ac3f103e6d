/**
 * Chaos: the service is stopped, killed and started again, things go wrong
 * around it, and clients go on.
 *
 * Invariants: faults and load follow from the seed; every SIGTERM that nothing
 * interferes with must end with 0 or 3 within the budget that the service
 * itself names; the run is bounded by its rounds.
 * Not promised: the same interleaving for the same seed: the operating system
 * has its say. Seeds repeat the plan, not the luck.
 */
import { systemClock } from "@oms/lifecycle";
import type { Stage, StartOptions } from "../demo/stage.ts";
import { type LoadRun, startLoad } from "../load/run.ts";
import { seededRandom } from "../load/random.ts";
import { planRound, type Round } from "./faults.ts";
import type { Profiles } from "./profiles.ts";
import { startOptionsOf, stop, strike } from "./strike.ts";
import { Tally } from "./tally.ts";
import { beginTrouble, type Lifter } from "./troubles.ts";
import { endsWithin } from "./within.ts";

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly profiles: Profiles;
  /** Flows a second. */
  readonly rps: number;
  /** Ends the run early. */
  readonly stopping: AbortSignal;
}

export interface ChaosRun {
  readonly tally: Tally;
  /** Null until the service has started for the first time. */
  readonly load: LoadRun | null;
  /**
   * Resolves when all rounds are played, everything has settled and the service
   * is stopped; rejects when the service cannot be started.
   */
  readonly done: Promise<void>;
}

const CONCURRENCY = 48;
const ATTEMPT_DEADLINE_MS = 2_000;
/** More than any outage here: a client that gives up would leave the ledger less to judge. */
const RETRIES = 500;
const REPLAY_SHARE = 0.05;
const DOUBLE_PAY_SHARE = 0.05;
const SETTLE_WITHIN_MS = 60_000;
/** Flows that are under way when the last round is over. */
const FINISH_WITHIN_MS = 60_000;
const NOTHING: Lifter = () => Promise.resolve();

export function startChaos(stage: Stage, options: ChaosOptions): ChaosRun {
  const run = new Run(stage, options);
  return {
    tally: run.tally,
    get load() {
      return run.load;
    },
    done: run.play(),
  };
}

class Run {
  readonly tally = new Tally();
  load: LoadRun | null = null;
  readonly #stage: Stage;
  readonly #options: ChaosOptions;
  readonly #enough = new AbortController();
  readonly #cut = new AbortController();
  /** Of a trouble that goes on. */
  #lift = NOTHING;

  constructor(stage: Stage, options: ChaosOptions) {
    this.#stage = stage;
    this.#options = options;
  }

  async play(): Promise<void> {
    const { rounds, seed, profiles, stopping } = this.#options;
    const random = seededRandom(seed);
    try {
      for (let round = 0; round < rounds; round++) {
        await this.#play(planRound(profiles, random));
        stopping.throwIfAborted();
        this.tally.rounds += 1;
      }
      await this.#liftTrouble();
      this.#stage.passAllTimes();
      await this.#start({});
      await this.#end();
    } finally {
      this.#abort(this.#enough);
      this.#abort(this.#cut);
      await this.load?.done;
    }
  }

  async #play(round: Round): Promise<void> {
    const { afterMs, trouble, troubleMs, lift, ending } = round;
    const { stopping } = this.#options;
    this.tally.play(nameOf(round));
    // A point in the plan may end it before it is ready.
    const alive = await this.#start(startOptionsOf(round));
    if (alive) await systemClock.sleep(afterMs, stopping);
    await this.#liftTrouble();
    if (trouble.kind !== "none") {
      this.#stage.note(`trouble: ${JSON.stringify(trouble)}`);
    }
    this.#lift = await beginTrouble(this.#stage, this.tally, trouble);
    await systemClock.sleep(troubleMs, stopping);
    if (trouble.kind !== "none" && lift === "before-end") {
      await this.#liftTrouble();
      await systemClock.sleep(afterMs / 2, stopping);
    }
    const { service } = this.#stage;
    const mayEnd = ending.kind === "point" || ending.kind === "fatal";
    if (!service.running && !mayEnd) {
      const { code } = await service.exit;
      this.tally.violations.push(
        `pid ${service.pid} ended by itself with ${code}`,
      );
    }
    await strike(
      this.#stage,
      this.tally,
      ending,
      lift === "with-end" ? () => this.#liftTrouble() : NOTHING,
    );
    if (lift !== "after-start") await this.#liftTrouble();
  }

  /** Everything calm again: the clients finish, everything settles, the service stops. */
  async #end(): Promise<void> {
    const { stopping } = this.#options;
    await this.#liftTrouble();
    this.#abort(this.#enough);
    // What does not end in time is judged all the same: the ledger tells what it is.
    if (
      this.load !== null && !await endsWithin(this.load.done, FINISH_WITHIN_MS)
    ) {
      this.tally.violations.push("the clients did not come to an end");
    }
    this.#abort(this.#cut);
    const left = await this.#stage.settle(SETTLE_WITHIN_MS, stopping);
    if (left !== null) this.tally.violations.push(left);
    await stop(this.#stage, this.tally, NOTHING);
  }

  /** False when its plan has ended it before it was ready. */
  async #start(options: StartOptions): Promise<boolean> {
    const began = performance.now();
    try {
      const ready = await this.#stage.start(options);
      this.tally.readyMs.push(performance.now() - began);
      this.tally.resumed += Number(ready.resumed_sagas ?? 0);
    } catch (error) {
      const planned = this.#stage.service.log
        .some(({ msg }) => msg === "failpoint");
      if (planned) return false;
      throw error;
    }
    this.load ??= startLoad({
      target: this.#stage.target,
      recorder: this.#stage.recorder,
      mode: "mixed",
      rps: this.#options.rps,
      durationMs: Infinity,
      concurrency: CONCURRENCY,
      deadlineMs: ATTEMPT_DEADLINE_MS,
      retries: RETRIES,
      seed: this.#options.seed,
      replayShare: REPLAY_SHARE,
      doublePayShare: DOUBLE_PAY_SHARE,
      stopping: this.#enough.signal,
      signal: this.#cut.signal,
    });
    return true;
  }

  async #liftTrouble(): Promise<void> {
    const lift = this.#lift;
    this.#lift = NOTHING;
    await lift();
  }

  #abort(controller: AbortController): void {
    const error = new Error("the rounds are over");
    error.name = "AbortError";
    controller.abort(error);
  }
}

function nameOf({ profile, trouble, ending }: Round): string {
  const how = "how" in trouble ? `-${trouble.how}` : "";
  return `${profile}${how}/${ending.kind}`;
}

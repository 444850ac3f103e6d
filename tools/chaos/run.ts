/**
 * Chaos: the service is stopped, killed and started again while clients go on.
 *
 * Invariants: faults and load follow from the seed; every SIGTERM that nothing
 * interferes with must end with 0 or 3 within the budget that the service
 * itself names; the run is bounded by its rounds.
 * Not promised: the same interleaving for the same seed: the operating system
 * has its say. Seeds repeat the plan, not the luck.
 */
import { systemClock } from "@oms/lifecycle";
import { spawnService } from "../../tests/support/service_process.ts";
import type { Stage } from "../demo/stage.ts";
import { type LoadRun, startLoad } from "../load/run.ts";
import { type Random, seededRandom } from "../load/random.ts";
import { type Fault, planFault, type Profile } from "./faults.ts";

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly profile: Profile;
  /** Flows a second. */
  readonly rps: number;
  /** Ends the run early. */
  readonly stopping: AbortSignal;
}

/** What has been done and measured so far. */
export interface ChaosTally {
  rounds: number;
  sigterms: number;
  sigkills: number;
  /** SIGTERMs by exit code. */
  readonly exits: Record<string, number>;
  /** Durations of the stops that were left alone, in ms. */
  readonly stopMs: number[];
  /** From spawn to `ready`, in ms. */
  readonly readyMs: number[];
  resumed: number;
  /** Stops that broke the rules, and what did not settle. */
  readonly violations: string[];
}

export interface ChaosRun {
  readonly load: LoadRun;
  readonly tally: ChaosTally;
  /** Resolves when all rounds are played, everything has settled and the service is stopped. */
  readonly done: Promise<void>;
}

const CONCURRENCY = 48;
const ATTEMPT_DEADLINE_MS = 2_000;
/** More than any outage here: a client that gives up would leave the ledger less to judge. */
const RETRIES = 500;
const REPLAY_SHARE = 0.05;
const DOUBLE_PAY_SHARE = 0.05;
const SETTLE_WITHIN_MS = 30_000;
/** Flows that are under way when the last round is over. */
const FINISH_WITHIN_MS = 30_000;

/** @throws Error when the service cannot be started */
export async function startChaos(
  stage: Stage,
  options: ChaosOptions,
): Promise<ChaosRun> {
  const tally: ChaosTally = {
    rounds: 0,
    sigterms: 0,
    sigkills: 0,
    exits: {},
    stopMs: [],
    readyMs: [],
    resumed: 0,
    violations: [],
  };
  await start(stage, tally);
  const enough = new AbortController();
  const cut = new AbortController();
  const load = startLoad({
    target: stage.target,
    recorder: stage.recorder,
    mode: "mixed",
    rps: options.rps,
    durationMs: Infinity,
    concurrency: CONCURRENCY,
    deadlineMs: ATTEMPT_DEADLINE_MS,
    retries: RETRIES,
    seed: options.seed,
    replayShare: REPLAY_SHARE,
    doublePayShare: DOUBLE_PAY_SHARE,
    stopping: enough.signal,
    signal: cut.signal,
  });
  const over = () => {
    const error = new Error("the rounds are over");
    error.name = "AbortError";
    return error;
  };
  const play = async () => {
    const random = seededRandom(options.seed);
    try {
      for (let round = 0; round < options.rounds; round++) {
        await playRound(stage, tally, options, random);
      }
      enough.abort(over());
      // What does not end in time is judged all the same: the ledger tells what it is.
      const late = await within(load.done, FINISH_WITHIN_MS);
      if (late) tally.violations.push("the clients did not come to an end");
      cut.abort(over());
      const left = await stage.settle(SETTLE_WITHIN_MS, options.stopping);
      if (left !== null) tally.violations.push(left);
      await stop(stage, tally);
    } finally {
      enough.abort(over());
      cut.abort(over());
      await load.done;
    }
  };
  return { load, tally, done: play() };
}

async function playRound(
  stage: Stage,
  tally: ChaosTally,
  { profile, stopping }: ChaosOptions,
  random: Random,
): Promise<void> {
  const fault = planFault(profile, random);
  await systemClock.sleep(fault.afterMs, stopping);
  await strike(stage, tally, fault);
  stopping.throwIfAborted();
  await start(stage, tally);
  tally.rounds += 1;
}

async function strike(
  stage: Stage,
  tally: ChaosTally,
  { kind, killAfterMs }: Fault,
): Promise<void> {
  switch (kind) {
    case "term":
      return await stop(stage, tally);
    case "kill":
      await stage.kill();
      tally.sigkills += 1;
      return;
    case "term-kill":
      stage.note("SIGTERM, then SIGKILL");
      stage.service.signal("SIGTERM");
      await systemClock.sleep(killAfterMs);
      await stage.kill();
      tally.sigterms += 1;
      tally.sigkills += 1;
      return;
    case "start-kill": {
      await stage.kill();
      await using starting = spawnService(stage.serviceOptions());
      stage.note(`start, pid ${starting.pid}`);
      await systemClock.sleep(killAfterMs);
      stage.note(`SIGKILL to ${starting.pid}, which may be starting`);
      await starting.kill();
      tally.sigkills += 2;
      return;
    }
  }
}

async function start(stage: Stage, tally: ChaosTally): Promise<void> {
  const began = performance.now();
  const ready = await stage.start();
  tally.readyMs.push(performance.now() - began);
  tally.resumed += Number(ready.resumed_sagas ?? 0);
}

/** A SIGTERM that is left alone: it has to end by the rules. */
async function stop(stage: Stage, tally: ChaosTally): Promise<void> {
  const { pid } = stage.service;
  const budgetMs = Number((await stage.service.ready()).grace_needed_ms);
  const { code, durationMs } = await stage.stop();
  tally.sigterms += 1;
  tally.exits[code] = (tally.exits[code] ?? 0) + 1;
  tally.stopMs.push(durationMs);
  if (code !== 0 && code !== 3) {
    tally.violations.push(`pid ${pid} ended a SIGTERM with ${code}`);
  }
  if (!(durationMs <= budgetMs)) {
    tally.violations.push(
      `pid ${pid} took ${
        Math.round(durationMs)
      } ms to stop, budget ${budgetMs} ms`,
    );
  }
}

/** True when `work` takes longer. */
async function within(work: Promise<void>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  using _timer = systemClock.after(ms, () => late.resolve(true));
  return await Promise.race([work.then(() => false), late.promise]);
}

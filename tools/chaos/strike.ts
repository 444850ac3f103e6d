/**
 * Ends the service, by the round's plan.
 *
 * Invariants: when a strike is over no incarnation runs; every SIGTERM that
 * nothing interferes with is held against the rules (tally.ts); how the process
 * got its SIGTERM, from outside or from its own failpoint, makes no difference.
 */
import { systemClock } from "@oms/lifecycle";
import type { ServiceProcess } from "../../tests/support/service_process.ts";
import type { Stage, StartOptions } from "../demo/stage.ts";
import type { Ending, PointAction, Round } from "./faults.ts";
import type { Tally } from "./tally.ts";
import type { Lifter } from "./troubles.ts";
import { endsWithin } from "./within.ts";

/** For a service that has not said yet what it needs, in ms: the sum of the budgets' defaults, and 2 s. */
const DEFAULT_BUDGET_MS = 20_000;
/** Load until a point that was not passed yet is given up, in ms. */
const POINT_WITHIN_MS = 2_500;
/** A service that nobody calls looks at its files each second, in ms. */
const NOTICED_WITHIN_MS = 5_000;
/** For a start whose point ends it, in ms. */
const START_POINT_WITHIN_MS = 10_000;

/** What the incarnation that a round ends has to be started with. */
export function startOptionsOf({ ending, hurried }: Round): StartOptions {
  const plan = planOf(ending);
  return {
    ...(plan === null ? {} : { failpoints: plan }),
    ...(hurried ? { env: { OMS_SAGA_DRAIN_TIMEOUT: "50ms" } } : {}),
  };
}

function planOf(ending: Ending): string | null {
  switch (ending.kind) {
    case "point":
      return `${ending.point}#${ending.passage}=print+${textOf(ending.action)}`;
    case "stop-point":
      return `${ending.point}=print+kill`;
    default:
      return null;
  }
}

function textOf(action: PointAction): string {
  return action.kind === "kill-in" ? `kill-in:${action.ms}` : action.kind;
}

/** @param signalled called once, as soon as the service was told to end, if it was */
export async function strike(
  stage: Stage,
  tally: Tally,
  ending: Ending,
  signalled: Lifter,
): Promise<void> {
  switch (ending.kind) {
    case "term":
      return await stop(stage, tally, signalled);
    case "kill":
      return await kill(stage, tally);
    case "fatal":
      return await awaitFatal(stage, tally);
    case "term-kill":
      stage.note(`SIGTERM to ${stage.service.pid}`);
      stage.service.signal("SIGTERM");
      tally.sigterms += 1;
      await systemClock.sleep(ending.killAfterMs);
      return await kill(stage, tally);
    case "point":
      return await awaitPoint(stage, tally, ending.action);
    case "stop-point":
      stage.note(`SIGTERM to ${stage.service.pid}, killed at ${ending.point}`);
      stage.service.signal("SIGTERM");
      tally.sigterms += 1;
      return await endsWithin(stage.service.exit, POINT_WITHIN_MS)
        ? hit(stage, tally)
        : missed(stage, tally);
    case "start-kill": {
      await kill(stage, tally);
      stage.spawn();
      await systemClock.sleep(ending.killAfterMs);
      return await kill(stage, tally);
    }
    case "start-point": {
      await kill(stage, tally);
      const action = textOf(ending.action);
      stage.spawn({ failpoints: `${ending.point}=print+${action}` });
      return await awaitPoint(
        stage,
        tally,
        ending.action,
        START_POINT_WITHIN_MS,
      );
    }
  }
}

/** SIGTERM, and it stops by itself. */
export async function stop(
  stage: Stage,
  tally: Tally,
  signalled: Lifter,
): Promise<void> {
  const { service } = stage;
  const stopped = stage.stop();
  await signalled();
  const exit = await stopped;
  tally.stopped(nameOf(service), exit, exit.durationMs, budgetOf(service));
}

async function kill(stage: Stage, tally: Tally): Promise<void> {
  await stage.kill();
  tally.sigkills += 1;
}

/** What was done to it has ended it, or does soon. */
async function awaitFatal(stage: Stage, tally: Tally): Promise<void> {
  const { service } = stage;
  const withinMs = budgetOf(service) + NOTICED_WITHIN_MS;
  if (!await endsWithin(service.exit, withinMs)) {
    tally.violations.push(`${nameOf(service)} does not end by itself`);
    return await kill(stage, tally);
  }
  const { code } = await service.exit;
  stage.note(`${nameOf(service)} ended by itself with ${code}`);
  if (code !== 1) {
    tally.violations.push(`${nameOf(service)} ended with ${code} and not 1`);
  }
}

/** The service ends at its point, by itself; when it does not come there it is killed. */
async function awaitPoint(
  stage: Stage,
  tally: Tally,
  action: PointAction,
  withinMs = POINT_WITHIN_MS,
): Promise<void> {
  const { service } = stage;
  const passed = await service.waitForLog(
    ({ msg }) => msg === "failpoint",
    withinMs,
  ).then(() => true, () => false);
  const at = performance.now();
  if (!passed) return await missed(stage, tally);
  if (action.kind !== "sigterm") {
    await service.exit;
    return hit(stage, tally);
  }
  tally.pointsHit += 1;
  const budgetMs = budgetOf(service);
  if (!await endsWithin(service.exit, budgetMs)) {
    tally.violations.push(
      `${nameOf(service)} had SIGTERM ${budgetMs} ms ago and still runs`,
    );
    return await kill(stage, tally);
  }
  const took = performance.now() - at;
  tally.stopped(nameOf(service), await service.exit, took, budgetMs);
  stage.note(`${nameOf(service)} stopped at its failpoint`);
}

function hit(stage: Stage, tally: Tally): void {
  tally.pointsHit += 1;
  tally.sigkills += 1;
  stage.note(`${nameOf(stage.service)} killed at its failpoint`);
}

async function missed(stage: Stage, tally: Tally): Promise<void> {
  tally.pointsMissed += 1;
  await kill(stage, tally);
}

function budgetOf(service: ServiceProcess): number {
  const ready = service.log.find(({ msg }) => msg === "ready");
  return Number(ready?.grace_needed_ms ?? DEFAULT_BUDGET_MS);
}

function nameOf(service: ServiceProcess): string {
  return `pid ${service.pid}`;
}

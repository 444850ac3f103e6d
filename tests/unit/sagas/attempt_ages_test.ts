/** Whether an open attempt is sent, waits or is given up, whatever the clocks do. */
import { assertEquals } from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import type { SagaId } from "../../../src/orders/ids.ts";
import type { StepAttempt } from "../../../src/orders/saga.ts";
import { AttemptAges } from "../../../src/sagas/attempt_ages.ts";
import { Ages } from "../../../src/storage/ages.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { HOUR, payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const RETENTION = 23 * HOUR;
const WALL = Date.UTC(2026, 0, 1);
const ID: SagaId = "saga_one";

function attemptAt(firstAttemptAt: number): StepAttempt {
  return {
    step: "charge",
    request: "{}",
    key: `${ID}:charge`,
    firstAttemptAt,
    unknowns: 0,
  };
}

function process(newestAt: number | null, aheadMs = 0) {
  const clock = new FakeClock({ wall: WALL + aheadMs });
  const deps = {
    clock,
    ages: new Ages({ clock, newestAt }),
    keyRetentionMs: RETENTION,
  };
  return { clock, ages: new AttemptAges(deps) };
}

/** What becomes of an attempt that the process has marked itself. */
function own() {
  const { clock, ages } = process(null);
  const attempt = attemptAt(WALL);
  ages.making(ID, attempt);
  return { clock, ages, judge: () => ages.judge(ID, attempt).kind };
}

/** What becomes of an attempt of WALL that an earlier process has left. */
function found(newestAt: number, aheadMs: number) {
  const { clock, ages } = process(newestAt, aheadMs);
  return { clock, judge: () => ages.judge(ID, attemptAt(WALL)) };
}

Deno.test("F77 an own attempt: too old after the retention, whatever the wall clock says by then", async () => {
  const { clock, judge } = own();
  await clock.advance(RETENTION);
  assertEquals(judge(), "kept");
  clock.jumpWall(-25 * HOUR);
  assertEquals(judge(), "kept");
  await clock.advance(1);
  assertEquals(judge(), "too_old");
});

Deno.test("F77 an own attempt waits while the wall clock alone says that it is too old, and is kept again when it is right", async () => {
  const { clock, judge } = own();
  await clock.advance(1_000);
  clock.jumpWall(25 * HOUR);
  assertEquals(judge(), "wait");
  await clock.advance(RETENTION - 1_000);
  assertEquals(judge(), "wait");
  clock.jumpWall(-25 * HOUR);
  assertEquals(judge(), "kept");
  clock.jumpWall(25 * HOUR);
  await clock.advance(1);
  assertEquals(judge(), "too_old");
});

Deno.test("F77 an own attempt that was marked while the clock was behind waits when that is put right: it looks like a suspended machine", async () => {
  const { clock, ages } = process(null);
  clock.jumpWall(-25 * HOUR);
  const attempt = attemptAt(clock.wallNow());
  ages.making(ID, attempt);
  clock.jumpWall(25 * HOUR);
  await clock.advance(1_000);
  assertEquals(ages.judge(ID, attempt).kind, "wait");
  await clock.advance(RETENTION);
  assertEquals(ages.judge(ID, attempt).kind, "too_old");
});

Deno.test("F77 a found attempt is as old as the wall clock says, while that is in order", async () => {
  const { clock, judge } = found(WALL, HOUR);
  assertEquals(judge().kind, "kept");
  await clock.advance(22 * HOUR);
  assertEquals(judge().kind, "kept");
  await clock.advance(1);
  assertEquals(judge().kind, "too_old");
  assertEquals(found(WALL, RETENTION + 1).judge().kind, "too_old");
});

Deno.test("F77 a found attempt waits while the clock is behind the newest time, and is then judged by age", async () => {
  const { clock, judge } = found(WALL + 1_000, -HOUR);
  const verdict = judge();
  assertEquals(verdict.kind, "wait");
  if (verdict.kind !== "wait") throw new Error("it waits");
  assertEquals(verdict.forMs, HOUR + 1_000);
  await clock.advance(HOUR);
  assertEquals(judge().kind, "wait");
  await clock.advance(1_000);
  assertEquals(judge().kind, "kept");
  const late = found(WALL + 1_000, -HOUR);
  late.clock.jumpWall(25 * HOUR);
  assertEquals(late.judge().kind, "too_old");
  const soon = found(WALL + 1_000, -HOUR);
  soon.clock.jumpWall(2 * HOUR);
  assertEquals(soon.judge().kind, "kept");
});

Deno.test("F77 the wait behind a clock has its bound: after the retention it is too old for certain", async () => {
  const { clock, judge } = found(WALL, -100 * HOUR);
  await clock.advance(RETENTION);
  assertEquals(judge().kind, "wait");
  await clock.advance(1);
  assertEquals(judge().kind, "too_old");
});

Deno.test("F77 a found attempt waits when the clock jumps, either way, and the other one says otherwise", async () => {
  const ahead = found(WALL, HOUR);
  ahead.clock.jumpWall(25 * HOUR);
  assertEquals(ahead.judge().kind, "wait");
  ahead.clock.jumpWall(-25 * HOUR);
  assertEquals(ahead.judge().kind, "kept");
  const back = found(WALL, 20 * HOUR);
  await back.clock.advance(2 * HOUR);
  back.clock.jumpWall(-25 * HOUR);
  assertEquals(back.judge().kind, "kept");
  await back.clock.advance(HOUR + 1);
  assertEquals(back.judge().kind, "wait");
});

Deno.test("an attempt of the future tells nothing", () => {
  const { ages } = process(WALL);
  assertEquals(ages.judge(ID, attemptAt(WALL + HOUR)), {
    kind: "wait",
    reason: "the clock is behind the newest time in the store",
    forMs: null,
  });
});

Deno.test("what is settled is forgotten, and another step's key is another attempt", () => {
  const { ages } = process(null);
  ages.making(ID, attemptAt(WALL));
  ages.making(ID, { ...attemptAt(WALL), key: `${ID}:refund` });
  assertEquals(ages.remembered, 1);
  ages.forget(ID);
  assertEquals(ages.remembered, 0);
});

Deno.test("F77 the engine: a charge that a jump holds back is flagged once, not sent, not parked, and settles when the clock is right", async () => {
  await using world = new SagaWorld({ retry: { baseMs: 50, maxMs: 1_000 } });
  const id = await payIn(world, { kind: "unknown", effect: true });
  await world.turn();
  const { unknowns } = world.saga(id).attempt ?? {};
  world.fake.jumpWall(25 * HOUR);
  await world.fake.advance(60_000);
  const held = world.saga(id);
  assertEquals(
    held.stuckReason,
    "charge is not sent: the clock has jumped, or the machine was suspended",
  );
  assertEquals([held.state, held.owner], ["open", null]);
  assertEquals(held.attempt?.unknowns, unknowns);
  assertEquals(world.providers.callsOf("charge").length, 1);
  world.fake.jumpWall(-25 * HOUR);
  await world.settle(10_000);
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(world.saga(id).stuckReason, null);
  assertEquals(world.providers.effects("charge", id).length, 1);
  assertEquals(verdict(world), []);
});

Deno.test("F77 the engine: what a dead process left waits for a clock that is behind, what is new does not", async () => {
  await using world = new SagaWorld({ retry: { baseMs: 50, maxMs: 1_000 } });
  const id = await payIn(world, { kind: "unknown", effect: true });
  await world.turn();
  world.fake.jumpWall(-HOUR);
  await world.restart();
  const other = await world.create();
  await world.pay(other);
  await world.fake.advance(60_000);
  assertEquals(world.order(other).status, "CONFIRMED");
  assertEquals(
    world.saga(id).stuckReason,
    "charge is not sent: the clock is behind the newest time in the store",
  );
  assertEquals(world.providers.callsOf("charge").length, 2);
  await world.fake.advance(HOUR);
  await world.settle(10_000);
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(verdict(world), []);
});

Deno.test("F77 the commands: no jump frees a key, neither in one process nor over a restart", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world);
  await world.settle();
  const refund = () => world.refund(id, 10n, "refund");
  const first = await refund();
  for (const by of [25 * HOUR, -25 * HOUR, -25 * HOUR, 25 * HOUR]) {
    world.fake.jumpWall(by);
    assertEquals(await refund(), first);
  }
  world.fake.jumpWall(25 * HOUR);
  await world.restart();
  assertEquals(await refund(), first);
  await world.settle();
  assertEquals(world.providers.effects("refund", id).length, 1);
  assertEquals(verdict(world), []);
});

Deno.test("F77 the commands: an answer that was stored while the clock was behind outlives that, over a restart too", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world);
  await world.settle();
  world.fake.jumpWall(-25 * HOUR);
  const refund = () => world.refund(id, 10n, "refund");
  const first = await refund();
  await world.settle();
  world.fake.jumpWall(25 * HOUR);
  assertEquals(await refund(), first);
  await world.restart();
  assertEquals(await refund(), first);
  await world.fake.advance(24 * HOUR);
  assertEquals((await refund()).createdAt > first.createdAt, true);
});

/** What a process keeps of a shared store, on its own monotonic clock. */
import { assert, assertEquals } from "@std/assert";
import type { FakeClock } from "@oms/lifecycle/testing";
import { newSagaId, type SagaId } from "../../../src/orders/ids.ts";
import { LeaseEndedError } from "../../../src/sagas/errors.ts";
import { type Lease, LeaseKeeper } from "../../../src/sagas/leases.ts";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import type { Leases } from "../../../src/storage/store.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";
import { QuickClock } from "../../support/saga_world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const LEASE_MS = 9_000;

interface World {
  readonly clock: FakeClock;
  readonly keeper: LeaseKeeper;
  /** What each renewal asked for, and when. */
  readonly renewals: { readonly at: number; readonly held: SagaId[] }[];
  readonly errors: unknown[];
  /** Answers the renewals; grants all by default. */
  answer: (held: readonly SagaId[]) => Promise<SagaId[]>;
}

function makeWorld(exclusive = false): World {
  const clock = new QuickClock();
  const timed: Leases = {
    kind: "timed",
    renew: (held) => {
      world.renewals.push({ at: clock.now(), held: [...held] });
      return world.answer(held);
    },
  };
  const leases: Leases = exclusive ? { kind: "exclusive" } : timed;
  const world: World = {
    clock,
    keeper: new LeaseKeeper({
      store: { leases },
      clock,
      leaseMs: LEASE_MS,
      log: {
        ...silentLogger,
        error: (msg, fields) => void world.errors.push({ msg, ...fields }),
      },
    }),
    renewals: [],
    errors: [],
    answer: () => Promise.resolve([]),
  };
  return world;
}

function hold(
  { keeper, clock }: World,
  id = newSagaId(),
  signal = new AbortController().signal,
): Lease {
  const lease = keeper.open(signal);
  lease.granted(id, clock.now());
  return lease;
}

const unavailable = () => Promise.reject(new StoreUnavailableError("busy"));

Deno.test("all held sagas are renewed in one write every third of a lease, and stay", async () => {
  const world = makeWorld();
  const started = world.clock.now();
  const ids = [newSagaId(), newSagaId()];
  using one = hold(world, ids[0]);
  await world.clock.advance(1_000);
  using two = hold(world, ids[1]);
  await world.clock.advance(20 * LEASE_MS);
  assertEquals(world.renewals[0]?.at, started + LEASE_MS / 3);
  assertEquals(world.renewals.length, 60);
  for (const { held } of world.renewals) {
    assertEquals(held, ids);
  }
  assert(!one.over && !two.over);
});

Deno.test("F26 an owner that cannot renew gives up at 2/3 of the lease after sending the last good renewal", async () => {
  const world = makeWorld();
  using lease = hold(world);
  // The answer takes a second; only the sending counts.
  world.answer = () => world.clock.sleep(1_000).then(() => []);
  await world.clock.advance(LEASE_MS / 3 + 1_000);
  world.answer = unavailable;
  await world.clock.advance(LEASE_MS / 3 * 2 - 1_001);
  assert(!lease.signal.aborted);
  await world.clock.advance(1);
  assert(lease.signal.reason instanceof LeaseEndedError);
});

Deno.test("one renewal is under way at a time", async () => {
  const world = makeWorld();
  const answer = Promise.withResolvers<SagaId[]>();
  world.answer = () => answer.promise;
  using _first = hold(world);
  await world.clock.advance(LEASE_MS / 3 + 1);
  // Still held when the next one is due.
  using second = hold(world);
  await world.clock.advance(LEASE_MS / 3 - 1);
  assertEquals(world.renewals.length, 1);
  assert(!second.over);
  answer.resolve([]);
  await world.clock.advance(LEASE_MS / 3);
  assertEquals(world.renewals.length, 2);
});

Deno.test("F26 a claim that was answered too late is given up at once", async () => {
  const world = makeWorld();
  const sentAt = world.clock.now();
  await world.clock.advance(LEASE_MS / 3 * 2);
  using lease = world.keeper.open(new AbortController().signal);
  lease.granted(newSagaId(), sentAt);
  assert(lease.signal.aborted);
  assertEquals(world.keeper.held, 0);
});

Deno.test("F34 a saga that another process has taken over is given up when the renewal says so, the others stay", async () => {
  const world = makeWorld();
  const [lostId, keptId] = [newSagaId(), newSagaId()];
  using lost = hold(world, lostId);
  using kept = hold(world, keptId);
  world.answer = () => Promise.resolve([lostId]);
  await world.clock.advance(LEASE_MS / 3);
  assert(lost.over && lost.signal.reason instanceof LeaseEndedError);
  assert(!kept.over);
  await world.clock.advance(LEASE_MS / 3);
  assertEquals(world.renewals.at(-1)?.held, [keptId]);
});

Deno.test("F26 after a pause the lease is over although its timer has not fired yet", () => {
  const world = makeWorld();
  let now = 0;
  world.clock.now = () => now;
  using lease = hold(world);
  now = LEASE_MS / 3 * 2;
  assert(lease.over);
  assert(lease.signal.aborted);
});

Deno.test("F26 a wall clock that is set an hour back or forth changes nothing", async () => {
  for (const jump of [3_600_000, -3_600_000]) {
    const world = makeWorld();
    using lease = hold(world);
    await world.clock.advance(1_000);
    world.clock.jumpWall(jump);
    await world.clock.advance(2 * LEASE_MS);
    assert(!lease.over);
    world.answer = unavailable;
    await world.clock.advance(LEASE_MS);
    assert(lease.over);
  }
});

Deno.test("a renewal that hangs is not doubled, and its leases end by themselves", async () => {
  const world = makeWorld();
  using lease = hold(world);
  world.answer = () => new Promise(() => {});
  await world.clock.advance(2 * LEASE_MS);
  assertEquals(world.renewals.length, 1);
  assert(lease.over);
});

Deno.test("an answer that comes after the end brings nothing back", async () => {
  const world = makeWorld();
  const late = Promise.withResolvers<SagaId[]>();
  world.answer = () => late.promise;
  using over = hold(world);
  const released = hold(world);
  await world.clock.advance(LEASE_MS / 3);
  released[Symbol.dispose]();
  await world.clock.advance(LEASE_MS / 3);
  late.resolve([]);
  await world.clock.flush();
  assert(over.over);
  assertEquals([world.keeper.held, world.clock.timerCount], [0, 0]);
});

Deno.test("with nothing held no timer is set and nothing listens to the run's signal", async () => {
  const world = makeWorld();
  const controller = new AbortController();
  const lease = hold(world, newSagaId(), controller.signal);
  assertEquals([world.keeper.held, world.clock.timerCount], [1, 2]);
  lease[Symbol.dispose]();
  assertEquals([world.keeper.held, world.clock.timerCount], [0, 0]);
  await world.clock.advance(LEASE_MS);
  assertEquals(world.renewals, []);
  controller.abort(new Error("stop"));
  assert(!lease.signal.aborted);
});

Deno.test("the run's own signal reaches its attempts through the lease", () => {
  const world = makeWorld();
  const controller = new AbortController();
  using lease = hold(world, newSagaId(), controller.signal);
  controller.abort(new Error("stop"));
  assert(lease.over);
  assertEquals(lease.signal.reason, controller.signal.reason);
});

Deno.test("in a store that one process locks a lease never ends and costs no timer", async () => {
  const world = makeWorld(true);
  const controller = new AbortController();
  using lease = hold(world, newSagaId(), controller.signal);
  assertEquals(world.clock.timerCount, 0);
  await world.clock.advance(100 * LEASE_MS);
  assert(!lease.over);
  assertEquals(lease.signal, controller.signal);
});

Deno.test("a throwing listener of a lease is told to the log, and the lease ends all the same", async () => {
  const world = makeWorld();
  world.answer = unavailable;
  using lease = hold(world);
  lease.signal.addEventListener("abort", () => {
    throw new Error("broken");
  });
  await world.clock.advance(LEASE_MS);
  assert(lease.over);
  assertEquals(world.errors, [
    { msg: "abort listener threw", scope: "lease", error: "broken" },
  ]);
});

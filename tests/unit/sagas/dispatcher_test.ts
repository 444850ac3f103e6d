/** Slots, the table, one timer, and the end of it all. */
import { assert, assertEquals } from "@std/assert";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { QuickClock, SagaWorld } from "../../support/saga_world.ts";
import type { Script } from "../../support/scripted_providers.ts";
import { confirmed, leave, payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("at most `concurrency` sagas run, as many again wait in memory, the rest in the table", async () => {
  await using world = new SagaWorld({ concurrency: 4 });
  world.providers.choose = () => ({ kind: "late", ms: 10 });
  leave(world, 20);
  await world.process.dispatcher.start();
  const { dispatcher } = world.process;
  assertEquals([dispatcher.running, dispatcher.queued], [4, 4]);
  await world.settle();
  assertEquals(confirmed(world), 20);
  assertEquals(world.providers.maxRunning, 4);
});

Deno.test("F27 10,000 unfinished sagas at start: ready at once, resumed within the limits", async () => {
  await using world = new SagaWorld({ concurrency: 256 });
  leave(world, 10_000);
  let looks = 0;
  world.faults.read = (method) => {
    if (method === "dueSagas") looks++;
    return null;
  };
  await world.process.dispatcher.start();
  assertEquals(looks, 1, "ready after one look at the table");
  assert(world.process.dispatcher.queued <= 256);
  const started = world.clock.now();
  await world.settle();
  assertEquals(confirmed(world), 10_000);
  assert(world.providers.maxRunning <= 256);
  assert(world.clock.now() - started < 1_000, "no idle slot waits for a timer");
  assert(looks < 100, String(looks));
});

Deno.test("F24 sagas beyond the queue are found without waiting for the timer", async () => {
  await using world = new SagaWorld({
    concurrency: 2,
    scanIntervalMs: 3_600_000,
  });
  world.providers.choose = () => ({ kind: "late", ms: 5 });
  const started = world.clock.now();
  for (let i = 0; i < 12; i++) await payIn(world);
  await world.settle();
  assertEquals(confirmed(world), 12);
  assert(world.clock.now() - started < 1_000);
});

Deno.test("F24 providers that are down for 10 minutes: all settle afterwards, spread out and within the slots", async () => {
  const random = seeded(42);
  await using world = new SagaWorld({ concurrency: 32, random });
  const back = world.clock.wallNow() + 600_000;
  world.providers.choose = () =>
    world.clock.wallNow() < back
      ? { kind: "unknown", effect: false }
      : { kind: "late", ms: 20 };
  leave(world, 300);
  await world.process.dispatcher.start();
  await world.settle();
  assertEquals(confirmed(world), 300);
  assert(world.providers.maxRunning <= 32);
  const resumed = world.providers.callsOf("reserve")
    .filter(({ at }) => at >= back).map(({ at }) => at - back);
  assertEquals(resumed.length, 300);
  const first = resumed.filter((ms) => ms < 1_000).length;
  assert(first < 60, `${first} of 300 in the first second`);
  assert(Math.max(...resumed) <= 31_000, "within the longest back-off");
  const perSaga = world.providers.calls.length / 300;
  assert(perSaga < 80, `${perSaga} calls for each`);
  assertEquals(world.violations, []);
});

Deno.test("what sleeps is taken up in its own time, also right after others were", async () => {
  await using world = new SagaWorld({ scanIntervalMs: 1_000 });
  const started = world.clock.wallNow();
  for (const inMs of [0, 100, 300, 301, 600]) leave(world, 1, inMs);
  await world.process.dispatcher.start();
  await world.settle();
  const taken = world.providers.callsOf("reserve").map(({ at }) =>
    at - started
  );
  assertEquals(taken, [0, 100, 300, 320, 600]);
});

/** The first answer of each of 300 puts it off for 4 s; at most a tenth of them comes back within any 100 ms. */
async function assertApart(world: SagaWorld, first: Script): Promise<void> {
  world.providers.choose = ({ nth }) => nth === 0 ? first : { kind: "done" };
  leave(world, 300);
  const put = world.clock.wallNow();
  await world.process.dispatcher.start();
  await world.settle();
  assertEquals(confirmed(world), 300);
  const again = world.providers.callsOf("reserve")
    .map(({ at }) => at - put).filter((ms) => ms > 0);
  assertEquals(again.length, 300);
  assert(Math.min(...again) >= 4_000, `${Math.min(...again)}`);
  assert(Math.max(...again) <= 6_100, `${Math.max(...again)}`);
  for (let from = 4_000; from < 6_000; from += 100) {
    const near = again.filter((ms) => ms >= from && ms < from + 100).length;
    assert(near <= 30, `${near} within 100 ms`);
  }
}

Deno.test("F24 300 sagas that are told the same Retry-After come back apart from each other, and none too early", async () => {
  const random = seeded(7);
  await using world = new SagaWorld({ concurrency: 300, random });
  await assertApart(world, {
    kind: "unknown",
    effect: false,
    retryAfterMs: 4_000,
  });
});

Deno.test("F24 300 sagas that one defect has put aside come back apart from each other", async () => {
  const random = seeded(7);
  const retry = { baseMs: 50, maxMs: 4_000 };
  await using world = new SagaWorld({ concurrency: 300, random, retry });
  await assertApart(world, {
    kind: "throws",
    error: new TypeError("adapter is broken"),
  });
});

Deno.test("F24 however many sagas sleep, and for however different times, the table is read every 20 ms at the most", async () => {
  const random = seeded(11);
  await using world = new SagaWorld({ concurrency: 3_000, random });
  const looks: number[] = [];
  world.faults.read = (method) => {
    if (method === "dueSagas") looks.push(world.clock.now());
    return null;
  };
  // Each is put off by itself, at another moment, for another time.
  world.providers.choose = ({ nth }) =>
    nth === 0
      ? {
        kind: "held",
        until: world.clock.sleep(random() * 400),
        unknown: true,
      }
      : { kind: "done" };
  leave(world, 3_000);
  await world.process.dispatcher.start();
  await world.settle();
  assertEquals(confirmed(world), 3_000);
  const gaps = looks.slice(1).map((at, i) => at - (looks[i] ?? at));
  assert(Math.min(...gaps) >= 20, `${Math.min(...gaps)} ms`);
});

Deno.test("one timer serves everything that sleeps", async () => {
  const clock = new QuickClock();
  await using world = new SagaWorld({ clock });
  world.providers.choose = ({ nth }) =>
    nth === 0
      ? { kind: "unknown", effect: false, retryAfterMs: 700 }
      : { kind: "done" };
  for (let i = 0; i < 5; i++) await payIn(world);
  await world.turn();
  assertEquals(clock.timerCount, 1);
  await world.settle();
  assertEquals(confirmed(world), 5);
});

Deno.test("the end of a saga wakes the next of its order at once", async () => {
  await using world = new SagaWorld({ scanIntervalMs: 3_600_000 });
  const id = await payIn(world, { kind: "late", ms: 50 });
  await world.fake.advance(10);
  await world.cancel(id);
  assertEquals(world.saga(id, 2).owner, null, "it waits for its turn");
  await world.fake.advance(40);
  assertEquals(world.saga(id, 1).state, "superseded");
  assertEquals(world.order(id).status, "CANCELED");
});

Deno.test("a saga offered while its refused claim is still on its way is looked up again", async () => {
  await using world = new SagaWorld({ scanIntervalMs: 3_600_000 });
  const id = await payIn(world, { kind: "late", ms: 50 });
  await world.fake.advance(10);
  const hold = Promise.withResolvers<void>();
  const { store, dispatcher } = world.process;
  const commit = store.commit.bind(store);
  // The claim of the cancel is refused at once and hears of it late.
  store.commit = async (change, options) => {
    const result = await commit(change, options);
    const claims = change.sagaUpdate?.claim !== undefined;
    if (claims && result.kind === "conflict") await hold.promise;
    return result;
  };
  await world.cancel(id);
  await world.fake.advance(40);
  assertEquals(world.saga(id, 1).state, "superseded");
  assertEquals(world.saga(id, 2).state, "open");
  assertEquals(dispatcher.running, 1);
  hold.resolve();
  await world.turn();
  assertEquals(world.saga(id, 2).state, "completed");
});

Deno.test("a saga that a scan finds before its claim is through still waits its back-off out", async () => {
  await using world = new SagaWorld({ scanIntervalMs: 3_600_000 });
  const hold = Promise.withResolvers<void>();
  const { store, dispatcher } = world.process;
  const commit = store.commit.bind(store);
  store.commit = async (change, options) => {
    if (change.sagaUpdate?.claim !== undefined) await hold.promise;
    return await commit(change, options);
  };
  world.providers.choose = ({ nth }) =>
    nth === 0
      ? { kind: "unknown", effect: false, retryAfterMs: 4_000 }
      : { kind: "done" };
  leave(world, 1);
  await dispatcher.start();
  assertEquals(dispatcher.running, 1);
  await dispatcher.start();
  hold.resolve();
  await world.settle();
  const [first, second] = world.providers.callsOf("reserve");
  assert(first !== undefined && second !== undefined);
  assert(second.at - first.at >= 4_000, `${second.at - first.at}`);
});

Deno.test("offering a saga twice runs it once", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world, { kind: "late", ms: 50 });
  const saga = world.saga(id);
  for (let i = 0; i < 3; i++) world.process.dispatcher.offer(saga);
  assertEquals(world.process.dispatcher.running, 1);
  await world.settle();
  assertEquals(world.providers.calls.length, 2);
  assertEquals(verdict(world), []);
});

Deno.test("a wake-up that the store refuses costs a scan interval, not the saga and not the slots", async () => {
  await using world = new SagaWorld({ concurrency: 1, scanIntervalMs: 1_000 });
  const id = await payIn(world, { kind: "late", ms: 50 });
  const other = await payIn(world);
  await world.cancel(id);
  assertEquals(world.process.dispatcher.queued, 1);
  world.faults.read = (method) =>
    method === "nextSaga" || method === "dueSagas"
      ? new StoreUnavailableError("busy")
      : null;
  await world.fake.advance(500);
  assertEquals(world.order(other).status, "CONFIRMED");
  assertEquals(world.saga(id, 2).state, "open");
  world.faults.read = null;
  await world.fake.advance(1_000);
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(verdict(world), []);
});

Deno.test("F26 a wall clock that jumps an hour neither stops the dispatcher nor repeats an effect", async () => {
  for (const jump of [3_600_000, -3_600_000]) {
    await using world = new SagaWorld();
    const id = await payIn(world, { kind: "unknown", effect: true });
    await world.turn();
    world.fake.jumpWall(jump);
    const jumped = world.clock.now();
    await world.settle();
    assert(world.clock.now() - jumped < 2_000, "nothing waits for the hour");
    assertEquals(world.order(id).status, "CONFIRMED");
    assertEquals(world.providers.effects("charge", id).length, 1);
    assertEquals(verdict(world), []);
  }
});

/** Numerical Recipes' LCG: any jitter will do, as long as it is the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

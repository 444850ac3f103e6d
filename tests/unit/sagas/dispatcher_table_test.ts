/** What happens while the dispatcher reads the table. */
import { assert, assertEquals } from "@std/assert";
import { SagaWorld } from "../../support/saga_world.ts";
import { confirmed, leave, payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("what finds no room while the table is being read is not forgotten", async () => {
  await using world = new SagaWorld({
    concurrency: 1,
    scanIntervalMs: 3_600_000,
  });
  world.providers.choose = () => ({ kind: "late", ms: 5 });
  const read = Promise.withResolvers<void>();
  const { store, dispatcher } = world.process;
  const dueSagas = store.dueSagas.bind(store);
  store.dueSagas = async (query) => {
    const due = await dueSagas(query);
    await read.promise;
    return due;
  };
  const starting = dispatcher.start();
  await world.turn();
  const started = world.clock.now();
  for (let i = 0; i < 3; i++) await payIn(world);
  assertEquals([dispatcher.running, dispatcher.queued], [1, 1]);
  read.resolve();
  await starting;
  await world.settle();
  assertEquals(confirmed(world), 3);
  assert(world.clock.now() - started < 1_000);
});

Deno.test("room that comes up while the table is being read is used as soon as it has been", async () => {
  await using world = new SagaWorld({
    concurrency: 1,
    scanIntervalMs: 3_600_000,
  });
  leave(world, 4);
  const { store, dispatcher } = world.process;
  const nextDueAt = store.nextDueAt.bind(store);
  store.nextDueAt = async (versions, after) => {
    // What the look has found is done with before the look itself.
    while (dispatcher.running + dispatcher.queued > 0) await world.turn();
    return await nextDueAt(versions, after);
  };
  const started = world.clock.now();
  await dispatcher.start();
  await world.settle();
  assertEquals(confirmed(world), 4);
  assert(world.clock.now() - started < 1_000);
});

Deno.test("what the start takes up is counted, also what has ended before the start is through", async () => {
  await using world = new SagaWorld({ concurrency: 4 });
  leave(world, 3);
  const { store, dispatcher } = world.process;
  const nextDueAt = store.nextDueAt.bind(store);
  store.nextDueAt = async (versions, now) => {
    await world.settle();
    return await nextDueAt(versions, now);
  };
  assertEquals(await dispatcher.start(), 3);
  assertEquals(confirmed(world), 3);
  assertEquals([dispatcher.running, dispatcher.queued], [0, 0]);
});

/** The stop, as the sagas see it: what waits is handed over, what runs is awaited, what comes late is refused. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Deadline, StopError } from "@oms/lifecycle";
import { verdict } from "../../support/saga_verdict.ts";
import { QuickClock, SagaWorld } from "../../support/saga_world.ts";
import { payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("F20 close hands over what is queued and what sleeps at once, and awaits only running attempts", async () => {
  const clock = new QuickClock();
  await using world = new SagaWorld({ concurrency: 1, clock });
  const asleep = await payIn(world, {
    kind: "unknown",
    effect: false,
    retryAfterMs: 60_000,
  });
  await world.turn();
  const running = await payIn(world, { kind: "late", ms: 100 });
  await world.turn();
  const queued = await payIn(world);
  const { dispatcher, group } = world.process;
  assertEquals([dispatcher.running, dispatcher.queued], [1, 1]);
  dispatcher.close();
  assertEquals([dispatcher.queued, dispatcher.open], [0, false]);
  assertEquals(group.pending().map(({ labels }) => labels.order_id), [running]);
  await clock.settle(group.join(Deadline.from(clock, 5_000)));
  assertEquals(clock.timerCount, 0);
  assertEquals(world.order(running).status, "CONFIRMED");
  assertEquals(world.order(queued).status, "PENDING");
  assertEquals(world.saga(queued).fence, 0, "never claimed");
  await world.restart();
  await world.settle();
  for (const id of [asleep, queued]) {
    assertEquals(world.order(id).status, "CONFIRMED");
  }
  assertEquals(verdict(world), []);
});

Deno.test("F20 a charge that outlasts the drain is named with order and step, and resumed by the next process", async () => {
  const clock = new QuickClock();
  await using world = new SagaWorld({ clock });
  const id = await payIn(world, { kind: "hang", effect: true });
  await world.turn();
  const { dispatcher, group, scope } = world.process;
  dispatcher.close();
  const error = await assertRejects(() =>
    clock.settle(group.join(Deadline.from(clock, 5_000)))
  );
  assert(error instanceof Error);
  const [left] = group.pending();
  assertEquals(left?.step, "charge");
  assertEquals(left?.labels.order_id, id);
  assertEquals(left?.labels.saga_id, world.saga(id).id);
  scope.abort(new StopError({ kind: "requested", by: "the drain's end" }));
  await world.turn();
  assertEquals(group.size, 0);
  await world.restart();
  await world.settle();
  assertEquals(world.providers.effects("charge", id).length, 1);
  assertEquals(world.providers.callsOf("charge").length, 2);
  assertEquals(verdict(world), []);
});

Deno.test("F21 a pay accepted before the close is resumed, after it refused and nothing is written", async () => {
  await using world = new SagaWorld();
  const before = await world.create();
  const after = await world.create();
  await world.pay(before);
  world.process.dispatcher.close();
  const refused = await world.pay(after).catch((error) => error.name);
  assertEquals(refused, "StoppingError");
  assertEquals(world.order(after).version, 1n);
  assertEquals(world.state.answers.size, 3);
  await world.restart();
  await world.settle();
  assertEquals(world.order(before).status, "CONFIRMED");
  assertEquals(world.order(after).status, "PENDING");
});

Deno.test("F21 a pay whose commit is on its way when the group closes is OK and resumed", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  world.faults.commit = () => {
    world.process.dispatcher.close();
    return null;
  };
  const answer = await world.pay(id);
  world.faults.commit = null;
  assertEquals(answer.code, 0);
  assertEquals(world.process.dispatcher.running, 0);
  await world.restart();
  await world.settle();
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(verdict(world), []);
});

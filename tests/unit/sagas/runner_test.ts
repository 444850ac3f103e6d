/** What a run keeps when it is aborted, when the order moves under it, and when the store is away. */
import { assert, assertEquals } from "@std/assert";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { HOUR, payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("our own abort is no attempt, no result and no event: the saga is handed back as it stands", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world, { kind: "hang", effect: false });
  await world.turn();
  const held = world.saga(id);
  assert(held.owner !== null && held.attempt?.step === "charge");
  const events = world.state.events.length;
  world.process.scope.abort(new DOMException("stop", "AbortError"));
  await world.turn();
  const { owner, fence, updatedAt: _, ...rest } = world.saga(id);
  const { owner: _o, fence: before, updatedAt: _u, ...same } = held;
  assertEquals([owner, fence], [null, before + 1]);
  assertEquals(rest, same);
  assertEquals(world.state.events.length, events);
});

Deno.test("F22 our own abort hands a saga back although a cancel was accepted meanwhile", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world, { kind: "hang", effect: false });
  await world.turn();
  await world.cancel(id);
  world.process.scope.abort(new DOMException("stop", "AbortError"));
  await world.turn();
  assertEquals(world.saga(id).owner, null);
});

Deno.test("F22 an unknown answer is postponed although a cancel was accepted meanwhile", async () => {
  await using world = new SagaWorld();
  const gate = Promise.withResolvers<void>();
  const id = await payIn(world, {
    kind: "held",
    until: gate.promise,
    unknown: true,
  });
  await world.turn();
  await world.cancel(id);
  gate.resolve();
  await world.turn();
  assertEquals(world.saga(id).owner, null);
  assertEquals(world.saga(id).attempt?.unknowns, 1);
  await world.settle(HOUR);
  assertEquals(world.saga(id).state, "superseded");
  assertEquals(world.order(id).status, "CANCELED");
  assertEquals(verdict(world), []);
});

Deno.test("F22 a known charge survives the version conflict with a cancel accepted in flight: money back", async () => {
  await using world = new SagaWorld();
  const gate = Promise.withResolvers<void>();
  const id = await payIn(world, { kind: "held", until: gate.promise });
  await world.turn();
  await world.cancel(id);
  gate.resolve();
  await world.settle();
  assertEquals(world.providers.callsOf("charge").length, 1);
  assertEquals(world.saga(id).completedSteps, ["reserve", "charge"]);
  assertEquals(world.saga(id).state, "superseded");
  assertEquals(world.providers.effects("refund", id).length, 1);
  const { status, refundedMinor } = world.order(id);
  assertEquals([status, refundedMinor], ["CANCELED", 100n]);
  assertEquals(verdict(world), []);
});

Deno.test("a known result outlives the hard abort and an unavailable store, until the store closes", async () => {
  await using world = new SagaWorld();
  const gate = Promise.withResolvers<void>();
  const id = await payIn(world, { kind: "held", until: gate.promise });
  await world.turn();
  world.faults.commit = () => new StoreUnavailableError("full");
  gate.resolve();
  await world.fake.advance(10_000);
  world.process.scope.abort(new DOMException("stop", "AbortError"));
  await world.fake.advance(10_000);
  assertEquals(world.order(id).status, "RESERVED");
  world.faults.commit = null;
  await world.fake.advance(30_000);
  assertEquals(world.order(id).status, "PAID");
  assertEquals(world.saga(id).owner, null, "handed back after the result");
  await world.restart();
  await world.settle();
  assertEquals(world.providers.callsOf("charge").length, 1);
  assertEquals(verdict(world), []);
});

Deno.test("when the store closes before a result is written, the next process resolves it with the same key", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world, { kind: "done" });
  world.faults.commit = ({ timeline }) =>
    timeline?.some(({ reason }) => reason === "PAID")
      ? new StoreUnavailableError("closing")
      : null;
  await world.fake.advance(5_000);
  const reason = new DOMException("stop", "AbortError");
  world.process.scope.abort(reason);
  world.process.results.abort(reason);
  await world.turn();
  assertEquals(world.process.group.size, 0);
  world.faults.commit = null;
  await world.restart();
  await world.settle();
  assertEquals(world.providers.effects("charge", id).length, 1);
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(verdict(world), []);
});

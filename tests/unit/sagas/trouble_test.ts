/** Trouble that is not the provider's: the store, another owner, a defect, another version. */
import { assert, assertEquals } from "@std/assert";
import {
  StoreFatalError,
  StoreUnavailableError,
} from "../../../src/storage/errors.ts";
import type { Saga } from "../../../src/orders/saga.ts";
import { makeChange, makeOrder, makeSaga } from "../../support/fixtures.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { ANY_OWNER, payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("an unavailable store is no defect: reads and writes are waited out and nothing is flagged", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const unavailable = () => new StoreUnavailableError("busy");
  // From the moment on at which the pay is accepted.
  world.faults.commit = () => {
    world.faults.read = unavailable;
    world.faults.commit = unavailable;
    return null;
  };
  await world.pay(id);
  await world.fake.advance(60_000);
  assertEquals(world.saga(id).fence, 0);
  world.faults.read = null;
  world.faults.commit = null;
  await world.settle();
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(world.saga(id).stuckReason, null);
  assertEquals(verdict(world), []);
});

Deno.test("F26 a fence that has moved on ends this process's work: nothing of it is written", async () => {
  await using world = new SagaWorld();
  const gate = Promise.withResolvers<void>();
  const id = await payIn(world, { kind: "held", until: gate.promise });
  await world.turn();
  const { dispatcher } = world.process;
  const mine = world.saga(id);
  const other = { ...mine, owner: "other", fence: mine.fence + 1 };
  world.state.sagas.set(mine.id, other);
  gate.resolve();
  await world.turn();
  assertEquals(dispatcher.running, 0);
  assertEquals(world.saga(id), other);
  assertEquals(world.order(id).status, "RESERVED");
  assertEquals(world.errors, []);
});

Deno.test("a defect shelves the saga: flagged, free, due after the longest back-off, then tried again", async () => {
  await using world = new SagaWorld({ retry: { baseMs: 50, maxMs: 30_000 } });
  const id = await payIn(world, {
    kind: "throws",
    error: new TypeError("adapter is broken"),
  });
  await world.turn();
  const saga = world.saga(id);
  assertEquals(saga.stuckReason, "defect: adapter is broken");
  assertEquals([saga.state, saga.owner], ["open", null]);
  assertEquals(saga.nextAttemptAt, world.clock.wallNow() + 37_500);
  assert(saga.attempt?.step === "charge", "the open attempt stays");
  assertEquals(world.errors.length, 1);
  await world.settle();
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(world.providers.effects("charge", id).length, 1);
});

Deno.test("a defect is shelved also while the store is unavailable", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world, {
    kind: "throws",
    error: new TypeError("adapter is broken"),
  });
  world.faults.commit = ({ sagaUpdate }) =>
    sagaUpdate?.saga.stuckReason?.startsWith("defect")
      ? new StoreUnavailableError("busy")
      : null;
  await world.fake.advance(5_000);
  world.faults.commit = null;
  await world.settle();
  assertEquals(world.order(id).status, "CONFIRMED");
});

Deno.test("a fatal store error is not shelved: it fails the task", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  world.faults.commit = ({ sagaUpdate }) =>
    sagaUpdate === undefined ? null : new StoreFatalError("I/O error");
  await world.pay(id);
  await world.turn();
  assertEquals(world.process.group.failureCount, 1);
  assertEquals(world.saga(id).owner, null);
  assertEquals(world.saga(id).stuckReason, null);
});

Deno.test("a saga of an unknown definition version is left alone, and hides no other", async () => {
  await using world = new SagaWorld({ scanIntervalMs: 60_000 });
  const order = makeOrder({ payAccepted: true, lastSagaNumber: 1 });
  const newer = makeSaga(order, {
    number: 1,
    definitionVersion: 2,
    nextAttemptAt: world.clock.wallNow(),
    updatedAt: world.clock.wallNow(),
  });
  const change = makeChange({ orderInsert: order, sagaInsert: newer });
  world.state.apply(change, ANY_OWNER);
  const id = await payIn(world, {
    kind: "unknown",
    effect: false,
    retryAfterMs: 500,
  });
  await world.turn();
  await world.restart();
  await world.fake.advance(1_000);
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(world.saga(order.id), newer);
  const { signal } = new AbortController();
  const context = { signal, stopping: signal, progress: () => {} };
  const end = await world.process.runner.run(newer, context);
  assertEquals(end, { kind: "not_ours" });
  assertEquals(world.saga(order.id), newer);
});

/** The saga as another process has read it before anybody ran it. */
function asAccepted(saga: Saga): Saga {
  return {
    ...saga,
    state: "open",
    completedSteps: [],
    attempt: null,
    owner: null,
    fence: 0,
    finishedAt: null,
  };
}

Deno.test("F34 a saga that was run elsewhere since it was read is not ours, and no defect", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world);
  await world.settle();
  const read = asAccepted(world.saga(id));
  const { signal } = new AbortController();
  const context = { signal, stopping: signal, progress: () => {} };
  // The order that is read now is CONFIRMED; no definition knows what to do with it.
  const end = await world.process.runner.run(read, context);
  assertEquals(end, { kind: "not_ours" });
  assertEquals(verdict(world), []);
});

Deno.test("F34 a claim never writes what was read over what the holder has done since", async () => {
  await using world = new SagaWorld();
  const gate = Promise.withResolvers<void>();
  world.providers.script("reserve", { kind: "held", until: gate.promise });
  const id = await payIn(world, { kind: "hang", effect: true });
  await world.turn();
  // Another process reads the saga as due; before it claims, the holder commits its step.
  const read = world.saga(id);
  assertEquals(read.attempt?.step, "reserve");
  gate.resolve();
  await world.turn();
  assertEquals(world.saga(id).attempt?.step, "charge");
  world.crash();
  await world.turn();
  world.dead = false;
  const other = world.incarnate();
  const { signal } = new AbortController();
  const context = { signal, stopping: signal, progress: () => {} };
  assertEquals(await other.runner.run(read, context), { kind: "not_ours" });
  assertEquals(world.saga(id).completedSteps, ["reserve"]);
});

Deno.test("F34 a stop while it is not known whether a saga was run elsewhere is no defect either", async () => {
  await using world = new SagaWorld();
  const id = await payIn(world);
  await world.settle();
  const read = asAccepted(world.saga(id));
  world.faults.read = (method) =>
    method === "saga" ? new StoreUnavailableError("busy") : null;
  const controller = new AbortController();
  const { signal } = controller;
  const context = { signal, stopping: signal, progress: () => {} };
  const running = world.process.runner.run(read, context);
  await world.turn();
  controller.abort(new Error("stop"));
  assertEquals(await running, { kind: "handed_back" });
});

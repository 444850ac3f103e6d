/** What a run makes of a provider's answers, and of those that are not an answer. */
import { assert, assertEquals } from "@std/assert";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import type { Script } from "../../support/scripted_providers.ts";
import { HOUR, payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("a pay runs reserve, charge, confirm in four commits, each mark before its call", async () => {
  await using world = new SagaWorld();
  const seen: (string | undefined)[] = [];
  world.providers.choose = ({ key }) => {
    const [saga] = world.state.sagas.values();
    seen.push(saga?.attempt?.key === key ? saga.attempt.step : undefined);
    return { kind: "done" };
  };
  const id = await payIn(world);
  const before = world.edges.length;
  await world.settle();
  assertEquals(seen, ["reserve", "charge"]);
  const commits = world.edges.slice(before)
    .filter((edge) => edge === "after commit");
  assert(commits.length <= 4, String(commits.length));
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(verdict(world), []);
});

Deno.test("F23 an unknown answer is repeated with the same key and bytes until it is known", async () => {
  await using world = new SagaWorld();
  const id = await payIn(
    world,
    { kind: "unknown", effect: true },
    { kind: "unknown", effect: false },
    { kind: "unknown", effect: true },
  );
  await world.settle();
  const charges = world.providers.callsOf("charge");
  assertEquals(charges.length, 4);
  assertEquals(new Set(charges.map(({ key }) => key)).size, 1);
  assertEquals(new Set(charges.map(({ body }) => body)).size, 1);
  assertEquals(world.providers.effects("charge", id).length, 1);
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(verdict(world), []);
});

Deno.test("F23 an unknown answer is not a decline: the back-off is in the row, without slot or owner", async () => {
  await using world = new SagaWorld({ concurrency: 1 });
  const id = await payIn(world, {
    kind: "unknown",
    effect: false,
    retryAfterMs: 5_000,
  });
  await world.turn();
  const saga = world.saga(id);
  assertEquals(saga.state, "open");
  assertEquals(saga.owner, null);
  assertEquals(saga.attempt?.unknowns, 1);
  // As asked for, and half of what spreads them.
  assertEquals(saga.nextAttemptAt, world.clock.wallNow() + 6_250);
  assertEquals(world.process.dispatcher.running, 0);
  const other = await world.create();
  await world.pay(other);
  await world.turn();
  assertEquals(world.order(other).status, "CONFIRMED", "the slot was free");
  await world.fake.advance(6_249);
  assertEquals(world.order(id).status, "RESERVED");
  await world.fake.advance(1);
  assertEquals(world.order(id).status, "CONFIRMED");
});

Deno.test("F23 a misconfigured provider flags the saga at once and is retried at the longest back-off", async () => {
  await using world = new SagaWorld({ retry: { baseMs: 50, maxMs: 30_000 } });
  const id = await payIn(world, { kind: "misconfigured" });
  await world.turn();
  const saga = world.saga(id);
  assertEquals(saga.state, "open");
  assertEquals(saga.stuckReason, "charge is misconfigured: scripted");
  // Half of the jitter on top: as many as met it come back.
  assertEquals(saga.nextAttemptAt, world.clock.wallNow() + 37_500);
  await world.fake.advance(37_500);
  assertEquals(world.saga(id).stuckReason, null);
  assertEquals(world.order(id).status, "CONFIRMED");
});

Deno.test("a saga unsettled for long is flagged and still retried", async () => {
  await using world = new SagaWorld({ stuckAfterMs: 10_000 });
  const answers: Script[] = Array.from({ length: 3 }, () => ({
    kind: "unknown",
    effect: false,
    retryAfterMs: 6_000,
  }));
  const id = await payIn(world, ...answers);
  await world.fake.advance(7_500);
  assertEquals(world.saga(id).stuckReason, null);
  await world.fake.advance(7_500);
  assertEquals(world.saga(id).stuckReason, "charge is unknown: scripted");
  await world.settle();
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(verdict(world), []);
});

Deno.test("F23 beyond the provider's key retention an unknown is parked and never re-sent", async () => {
  await using world = new SagaWorld({
    keyRetentionMs: HOUR,
    retry: { baseMs: 600_000, maxMs: 600_000 },
  });
  world.providers.choose = ({ step }) =>
    step === "charge" ? { kind: "unknown", effect: true } : { kind: "done" };
  const id = await payIn(world);
  await world.settle();
  const saga = world.saga(id);
  assertEquals(saga.state, "parked");
  assert(saga.stuckReason?.includes("charge is unknown and its key is older"));
  assert(saga.attempt?.step === "charge", "the evidence stays");
  assertEquals(world.told, [{
    msg: "saga parked, it needs an operator",
    order_id: id,
    saga_id: saga.id,
    correlation_id: saga.correlationId,
    reason: saga.stuckReason,
  }]);
  const [first] = world.providers.callsOf("charge");
  const last = world.providers.callsOf("charge").at(-1);
  assert((last?.at ?? 0) - (first?.at ?? 0) <= HOUR);
  const sent = world.providers.calls.length;
  await world.cancel(id);
  await world.restart();
  await world.fake.advance(HOUR);
  assertEquals(world.providers.calls.length, sent);
  assertEquals(world.saga(id, 2).state, "open", "held back by the parked one");
});

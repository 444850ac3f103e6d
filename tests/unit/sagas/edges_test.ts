/** A death before and after every commit and every provider call of every saga, one at a time. */
import { assert, assertEquals } from "@std/assert";
import type { OrderId } from "../../../src/orders/ids.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { payIn } from "./world_fixtures.ts";

type Story = (world: SagaWorld) => Promise<OrderId>;

const STORIES: Readonly<Record<string, Story>> = {
  pay: (world) => payIn(world),
  "pay declined": (world) => payIn(world, { kind: "declined" }),
  "pay out of stock": (world) => {
    world.providers.script("reserve", { kind: "declined" });
    return payIn(world);
  },
  "cancel of a confirmed order": async (world) => {
    const id = await payIn(world);
    await world.settle();
    await world.cancel(id);
    return id;
  },
  "cancel of a pending order": async (world) => {
    const id = await world.create();
    await world.cancel(id);
    return id;
  },
  "partial refund": async (world) => {
    const id = await payIn(world);
    await world.settle();
    await world.refund(id, 30n);
    return id;
  },
  "full refund": async (world) => {
    const id = await payIn(world);
    await world.settle();
    await world.refund(id, null);
    return id;
  },
  "refund declined": async (world) => {
    const id = await payIn(world);
    await world.settle();
    world.providers.script("refund", { kind: "declined" });
    await world.refund(id, null);
    return id;
  },
  "cancel behind a pay": async (world) => {
    const id = await payIn(world);
    await world.cancel(id);
    return id;
  },
  "refunds and a cancel in line": async (world) => {
    const id = await payIn(world);
    await world.settle();
    await world.refund(id, 20n);
    await world.refund(id, 30n);
    await world.cancel(id);
    return id;
  },
};

/**
 * Stories whose end depends on the moment of the death: a scripted decline is used up by a call that dies before
 * it is heard of, and a cancel may come before or after the charge.
 */
const DEPENDS = new Set([
  "pay declined",
  "pay out of stock",
  "refund declined",
  "cancel behind a pay",
]);

async function play(story: Story, crashAt: readonly number[]) {
  await using world = new SagaWorld({ crashAt });
  const id = await story(world);
  await world.settle();
  const { status, capturedMinor, refundedMinor } = world.order(id);
  return {
    edges: world.edges,
    verdict: verdict(world),
    outcome: [status, capturedMinor, refundedMinor],
    acknowledged: world.acknowledged.length,
  };
}

for (const [name, story] of Object.entries(STORIES)) {
  Deno.test(`F10 ${name}: killed at each edge, resumed, the same end and every effect once`, async () => {
    const dry = await play(story, []);
    assertEquals(dry.verdict, []);
    assert(dry.edges.length >= 4, dry.edges.join());
    for (const edge of dry.edges.keys()) {
      const { verdict, outcome, acknowledged } = await play(story, [edge]);
      const where = `edge ${edge}: ${dry.edges[edge]}`;
      assertEquals(verdict, [], where);
      assertEquals(acknowledged, dry.acknowledged, where);
      if (!DEPENDS.has(name)) assertEquals(outcome, dry.outcome, where);
    }
  });
}

Deno.test("F10 pay: killed at each pair of edges", async () => {
  const dry = await play(STORIES.pay ?? payIn, []);
  for (let first = 0; first < dry.edges.length; first++) {
    for (let gap = 1; gap <= 6; gap++) {
      const { verdict, outcome } = await play(STORIES.pay ?? payIn, [
        first,
        first + gap,
      ]);
      assertEquals(verdict, [], `${first}, ${first + gap}`);
      assertEquals(outcome, dry.outcome);
    }
  }
});

Deno.test("F11 killed after the commit before the reply: the caller's repetition gets the answer, one effect", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  world.crashAt.add(world.edges.length + 1);
  const answer = await world.pay(id, "once");
  assertEquals(
    world.edges.filter((e) => e === "after commit").length >= 2,
    true,
  );
  assertEquals(answer.code, 0);
  assertEquals([...world.state.sagas.values()].length, 1);
  assertEquals(await world.pay(id, "once"), answer);
  await world.settle();
  assertEquals(world.providers.effects("charge", id).length, 1);
  assertEquals(verdict(world), []);
});

for (const effect of [true, false]) {
  Deno.test(`F23 charge sent (${effect ? "with" : "without"} effect), killed, cancel acknowledged, resumed: money back`, async () => {
    await using world = new SagaWorld();
    const id = await payIn(world, { kind: "hang", effect });
    await world.turn();
    assertEquals(world.saga(id).attempt?.step, "charge");
    world.crash();
    await world.turn();
    // The next process acknowledges the cancel before it has resumed anything.
    world.providers.choose = ({ step }) =>
      step === "charge" ? { kind: "late", ms: 100 } : { kind: "done" };
    await world.restart();
    assertEquals((await world.cancel(id)).code, 0);
    await world.settle();
    const order = world.order(id);
    assertEquals(order.status, "CANCELED");
    assertEquals(order.capturedMinor, 100n, "the charge was resolved first");
    assertEquals(order.refundedMinor, 100n);
    assertEquals(world.providers.effects("charge", id).length, 1);
    assertEquals(world.providers.effects("refund", id).length, 1);
    assertEquals(order.reservationId, null);
    assertEquals(verdict(world), []);
  });
}

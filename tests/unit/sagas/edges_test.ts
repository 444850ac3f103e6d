/** A death before and after every commit and every provider call of every saga, one at a time. */
import { assert, assertEquals } from "@std/assert";
import type { OrderId } from "../../../src/orders/ids.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

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

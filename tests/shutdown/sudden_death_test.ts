/** SIGKILL at every edge of every saga; the next start owes what was acknowledged. */
import { assert, assertEquals } from "@std/assert";
import { OrderStatus } from "../../src/grpc/gen/oms/v1/order_service.ts";
import { passed } from "../support/failpoints/process.ts";
import { inPairs } from "./pairs.ts";
import { NO_SIGNALS } from "./platform.ts";
import { ended, World } from "./world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

interface Story {
  /** What the order has been through when the saga is asked for. */
  readonly from: "created" | "confirmed";
  readonly ask: "pay" | "cancel" | "refund";
  /** Declines what is charged. */
  readonly declined?: boolean;
  readonly commits: readonly string[];
  readonly calls: readonly string[];
  readonly ends: OrderStatus;
  readonly effects: readonly string[];
}

const STORIES: Readonly<Record<string, Story>> = {
  pay: {
    from: "created",
    ask: "pay",
    commits: ["mark-reserve", "did-reserve", "did-charge", "end"],
    calls: ["reserve", "charge"],
    ends: OrderStatus.ORDER_STATUS_CONFIRMED,
    effects: ["charge", "reserve"],
  },
  "declined pay": {
    from: "created",
    ask: "pay",
    declined: true,
    commits: ["mark-release", "end"],
    calls: ["release"],
    ends: OrderStatus.ORDER_STATUS_CANCELED,
    effects: ["charge", "release", "reserve"],
  },
  cancel: {
    from: "confirmed",
    ask: "cancel",
    commits: ["mark-refund", "did-refund", "end"],
    calls: ["refund", "release"],
    ends: OrderStatus.ORDER_STATUS_CANCELED,
    effects: ["charge", "refund", "release", "reserve"],
  },
  refund: {
    from: "confirmed",
    ask: "refund",
    commits: ["mark-refund", "did-refund", "end"],
    calls: ["refund", "release"],
    ends: OrderStatus.ORDER_STATUS_REFUNDED,
    effects: ["charge", "refund", "release", "reserve"],
  },
};

/** Every edge of a story, as failpoints. */
function edges({ ask, commits, calls }: Story): string[] {
  return ["before", "after"].flatMap((side) => [
    ...commits.map((label) => `${side}-commit:${ask}/${label}`),
    ...calls.map((step) => `${side}-call:${step}`),
  ]);
}

async function dieAndResume(story: Story, edge: string): Promise<void> {
  await using world = await World.create();
  if (story.declined) {
    world.payment.setKnobs({ decline_rate: 1, decline_operations: ["charge"] });
  }
  const first = await world.start({ failpoints: `${edge}=kill` });
  const client = world.client(first);
  const orderId = await world.order(client);
  if (story.from === "confirmed") {
    await world.pay(client, orderId);
    await world.settled(client, orderId, OrderStatus.ORDER_STATUS_CONFIRMED);
  }
  const key = world.newKey();
  await world[story.ask](client, orderId, key);
  assertEquals((await ended(first)).signal, "SIGKILL", edge);

  const second = await world.start();
  const next = world.client(second);
  // The first answer may not have got out: the key finds it, or has the effect now.
  const again = await world[story.ask](next, orderId, key);
  assert(again.ok, edge);
  await world.settled(next, orderId, story.ends);
  assertEquals((await second.stop()).code, 0, edge);
  assertEquals(world.effects(), story.effects, edge);
  world.assertLedger();
}

for (const [name, story] of Object.entries(STORIES)) {
  Deno.test(
    `F10 ${name}: SIGKILL before and after each step, the next start settles it once`,
    { ignore: NO_SIGNALS },
    async () => {
      await inPairs(edges(story), (edge) => dieAndResume(story, edge));
    },
  );
}

Deno.test(
  "F23 a charge is sent, SIGKILL, a cancel is acknowledged before the charge is known: the money goes back",
  { ignore: NO_SIGNALS },
  async () => {
    await inPairs(["before-call", "after-call"], async (edge) => {
      await using world = await World.create();
      const first = await world.start({ failpoints: `${edge}:charge=kill` });
      const client = world.client(first);
      const orderId = await world.order(client);
      await world.pay(client, orderId);
      await ended(first);

      const release = `${world.dir}/release`;
      const second = await world.start({
        failpoints: `before-call:charge=print+wait:${release}`,
      });
      const next = world.client(second);
      await passed(second, "before-call:charge");
      const canceled = await world.cancel(next, orderId);
      assert(canceled.ok, edge);
      await Deno.writeTextFile(release, "");
      await world.settled(
        next,
        orderId,
        OrderStatus.ORDER_STATUS_CANCELED,
      );
      assertEquals((await second.stop()).code, 0, edge);
      assertEquals(
        world.effects(),
        ["charge", "refund", "release", "reserve"],
        edge,
      );
      world.assertLedger();
    });
  },
);

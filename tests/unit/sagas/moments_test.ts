/** Calls at every moment of a saga, also of one that has just died. */
import { assert, assertEquals } from "@std/assert";
import type { OrderId } from "../../../src/orders/ids.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";
import { payIn } from "./world_fixtures.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** A pay during whose edge `moment` (from its own commit on) `call` comes in. */
async function during(
  moment: number,
  call: (world: SagaWorld, id: OrderId) => Promise<{ readonly code: number }>,
) {
  await using world = new SagaWorld();
  const id = await world.create();
  const first = world.edges.length;
  const answers: Promise<{ readonly code: number }>[] = [];
  world.atEdge = (number) => {
    if (number === first + moment) answers.push(call(world, id));
  };
  await world.pay(id);
  await world.settle();
  const [answer] = await Promise.all(answers);
  await world.settle();
  return {
    code: answer?.code,
    edges: world.edges.length - first,
    order: world.order(id),
    verdict: verdict(world),
    calls: world.providers.calls.length,
  };
}

Deno.test("F22 a cancel at every point of the pay saga is accepted and undoes all that was done", async () => {
  const { edges } = await during(-1, (world, id) => world.cancel(id));
  assert(edges >= 14, String(edges));
  let undone = 0;
  for (let moment = 0; moment < edges; moment++) {
    const end = await during(moment, (world, id) => world.cancel(id));
    assertEquals(end.verdict, [], `edge ${moment}`);
    // Before the pay has been accepted the cancel comes first, and the pay is refused.
    assertEquals(end.code, 0, `edge ${moment}`);
    assertEquals(end.order.status, "CANCELED", `edge ${moment}`);
    assertEquals(end.order.capturedMinor, end.order.refundedMinor);
    assertEquals(end.order.reservationId, null);
    if (end.order.refundedMinor > 0n) undone++;
  }
  assert(undone >= 4, `money went back at ${undone} of ${edges} moments`);
});

Deno.test("F22 F25 a full refund at every point of the pay saga is refused or refunds exactly what was paid", async () => {
  const { edges } = await during(-1, (world, id) => world.cancel(id));
  const codes = new Set<number | undefined>();
  for (let moment = 0; moment < edges; moment++) {
    const end = await during(moment, (world, id) => world.refund(id, null));
    assertEquals(end.verdict, [], `edge ${moment}`);
    codes.add(end.code);
    const status = end.code === 0 ? "REFUNDED" : "CONFIRMED";
    assertEquals(end.order.status, status, `edge ${moment}`);
  }
  assertEquals(codes, new Set([9, 0]));
});

Deno.test("F22 a second pay at every point of the pay saga is refused", async () => {
  const { edges } = await during(-1, (world, id) => world.cancel(id));
  // From the first commit on; before it the two race, and one of them is accepted.
  for (let moment = 1; moment < edges; moment++) {
    const end = await during(moment, (world, id) => world.pay(id));
    assertEquals(end.verdict, [], `edge ${moment}`);
    assertEquals(end.code, 9, `edge ${moment}`);
    assertEquals(end.calls, 2);
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

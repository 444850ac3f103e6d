/** Many calls for one order at the same moment. */
import { assert, assertEquals } from "@std/assert";
import {
  ANSWER_FAILED_PRECONDITION,
  ANSWER_OK,
} from "../../../src/commands/order_commands.ts";
import type { OrderId } from "../../../src/orders/ids.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

async function confirmed(world: SagaWorld): Promise<OrderId> {
  const id = await world.create();
  await world.pay(id, "pay");
  await world.settle();
  return id;
}

Deno.test("F22 100 concurrent calls of one key: one answer, one saga, one effect", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => world.pay(id, "pay")),
  );
  for (const answer of answers) assertEquals(answer, answers[0]);
  await world.settle();
  assertEquals(world.order(id).lastSagaNumber, 1);
  assertEquals(world.providers.effects("charge", id).length, 1);
  assertEquals(verdict(world), []);
});

Deno.test("F22 20 concurrent pays with keys of their own: one is accepted", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => world.pay(id)),
  );
  const codes = answers.map(({ code }) => code).sort();
  assertEquals(codes, [ANSWER_OK, ...Array(19).fill(9)]);
  await world.settle();
  assertEquals(verdict(world), []);
});

Deno.test("F22 F25 10 concurrent refunds of 30 of 100: three are accepted, the rest is left", async () => {
  await using world = new SagaWorld();
  const id = await confirmed(world);
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => world.refund(id, 30n)),
  );
  assertEquals(answers.filter(({ code }) => code === ANSWER_OK).length, 3);
  await world.settle();
  assertEquals(world.order(id).refundedMinor, 90n);
  const rest = await world.refund(id, null);
  assertEquals(rest.code, ANSWER_OK);
  await world.settle();
  assertEquals(world.order(id).status, "REFUNDED");
  assertEquals(verdict(world), []);
});

Deno.test("F22 a declined refund gives its hold back", async () => {
  await using world = new SagaWorld();
  const id = await confirmed(world);
  world.providers.script("refund", { kind: "unknown", effect: false }, {
    kind: "declined",
  });
  await world.refund(id, null);
  assertEquals((await world.refund(id, 1n)).code, ANSWER_FAILED_PRECONDITION);
  await world.settle();
  assertEquals(world.order(id).heldMinor, 0n);
  assertEquals((await world.refund(id, null)).code, ANSWER_OK);
  await world.settle();
  assertEquals(world.order(id).status, "REFUNDED");
  const types = world.state.timelines.get(id)?.map(({ type }) => type) ?? [];
  assert(types.includes("OrderSagaFailed"));
  assertEquals(verdict(world), []);
});

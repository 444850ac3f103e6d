/** Callers that leave, by their deadline or their own will, at every moment of a call. */
import { assert, assertEquals } from "@std/assert";
import {
  ANSWER_OK,
  type Mutation,
  type OrderCommands,
} from "../../../src/commands/order_commands.ts";
import type { OrderId } from "../../../src/orders/ids.ts";
import type { StoredAnswer } from "../../../src/storage/store.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

type Call = (
  commands: OrderCommands,
  orderId: OrderId,
  mutation: Mutation,
) => Promise<StoredAnswer>;

const ITEM = { sku: "sku-1", qty: 1, priceMinor: 100n };

const CALLS: Readonly<Record<string, Call>> = {
  create: (commands, _, mutation) =>
    commands.create(
      { customerId: "customer-2", currency: "EUR", items: [ITEM] },
      mutation,
    ),
  pay: (commands, orderId, mutation) => commands.pay(orderId, mutation),
  cancel: (commands, orderId, mutation) =>
    commands.cancel(orderId, "late", mutation),
  refund: (commands, orderId, mutation) =>
    commands.refund({ orderId, amount: null, reason: "late" }, mutation),
};

/** What is written of orders and sagas. */
function written({ state }: SagaWorld): number {
  return state.orders.size + state.sagas.size;
}

/**
 * One call whose caller leaves after so many turns of the microtask queue, then its repetition.
 * @returns how the caller fared, and what was written by then
 */
async function leaveAfter(
  turns: number,
  call: Call,
  paid: boolean,
): Promise<{ told: boolean; written: boolean }> {
  await using world = new SagaWorld();
  const orderId = await world.create();
  if (paid) {
    await world.pay(orderId);
    await world.settle();
  }
  const before = written(world);
  const caller = new AbortController();
  const { commands } = world.process;
  const mutation = world.mutation("late", { signal: caller.signal });
  const told = call(commands, orderId, mutation).then(() => true, () => false);
  for (let i = 0; i < turns; i++) await Promise.resolve();
  caller.abort(new Error("gone"));
  const outcome = { told: await told, written: false };
  await world.turn();
  outcome.written = world.state.answers.has("late");
  const grown = written(world) - before;
  assertEquals(
    grown,
    outcome.written ? 1 : 0,
    "order, saga and answer: all or nothing",
  );

  const again = await call(commands, orderId, world.mutation("late"));
  const replay = await call(commands, orderId, world.mutation("late"));
  assertEquals(again.code, ANSWER_OK);
  assertEquals(replay, again);
  assertEquals(written(world) - before, 1, "the key has its effect once");
  await world.settle();
  assertEquals(verdict(world), []);
  return outcome;
}

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`F51 ${name}: whenever its caller leaves, all of it is written or nothing, and its key has the effect once`, async () => {
    const paid = name === "cancel" || name === "refund";
    const outcomes = new Set<string>();
    for (let turns = 0;; turns++) {
      const { told, written } = await leaveAfter(turns, call, paid);
      outcomes.add(`${told} ${written}`);
      assert(!told || written, "nobody is told of what is not written");
      // From here on the caller was there to the end.
      if (told) break;
    }
    // Left before the commit; after it, unanswered; and not at all.
    assertEquals([...outcomes], ["false false", "false true", "true true"]);
  });
}

/** Order of checks, replay, and what is kept with a key and what is not. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  BacklogError,
  KeyReusedError,
  RequestMismatchError,
  StoppingError,
  VersionRaceError,
} from "../../../src/commands/errors.ts";
import {
  ANSWER_FAILED_PRECONDITION,
  ANSWER_NOT_FOUND,
  ANSWER_OK,
} from "../../../src/commands/order_commands.ts";
import type { OrderId } from "../../../src/orders/ids.ts";
import type { Order } from "../../../src/orders/order.ts";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { makeAnswer } from "../../support/fixtures.ts";
import { verdict } from "../../support/saga_verdict.ts";
import { SagaWorld } from "../../support/saga_world.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const NOBODY: OrderId = "ord_nobody";

function reasonOf({ payload }: { readonly payload: Uint8Array }): string {
  return new TextDecoder().decode(payload);
}

async function confirmed(world: SagaWorld): Promise<OrderId> {
  const id = await world.create();
  await world.pay(id, "pay");
  await world.settle();
  return id;
}

Deno.test("an accepted call writes order, saga, event and answer in one change set", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const parts: string[] = [];
  world.faults.commit = (change) => {
    if (change.sagaInsert !== undefined) parts.push(...Object.keys(change));
    return null;
  };
  const answer = await world.pay(id, "pay");
  assertEquals(parts.sort(), [
    "answer",
    "commitId",
    "orderUpdate",
    "outbox",
    "sagaInsert",
    "timeline",
  ]);
  assertEquals(answer.code, ANSWER_OK);
  assertEquals(answer.expiresAt - answer.createdAt, 24 * 3_600_000);
});

Deno.test("F22 a replay is the stored answer byte for byte, also after the state has moved on", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const status = (order: { readonly status: string }) =>
    new TextEncoder().encode(order.status);
  const pay = () =>
    world.process.commands.pay(id, world.mutation("pay", { encode: status }));
  const first = await pay();
  await world.settle();
  assertEquals(world.order(id).status, "CONFIRMED");
  assertEquals(await pay(), first);
  assertEquals(reasonOf(first), "PENDING");
  assertEquals(world.saga(id).number, 1);
  assertEquals(world.order(id).lastSagaNumber, 1);
});

Deno.test("F22 a replay is answered under back-pressure and while draining; a new call is not", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const first = await world.pay(id, "pay");
  world.faults.overBacklog = true;
  world.process.dispatcher.close();
  assertEquals(await world.pay(id, "pay"), first);
  await assertRejects(() => world.cancel(id), BacklogError);
  world.faults.overBacklog = false;
  await assertRejects(() => world.cancel(id), StoppingError);
  assertEquals(await world.pay(id, "pay"), first);
});

Deno.test("the key is looked at before back-pressure, back-pressure before the order", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  await world.pay(id, "pay");
  world.faults.overBacklog = true;
  world.process.dispatcher.close();
  const reused = world.mutation("pay", { fingerprint: "other" });
  await assertRejects(
    () => world.process.commands.cancel(id, "", reused),
    KeyReusedError,
  );
  await assertRejects(() => world.pay(NOBODY), BacklogError);
  world.faults.overBacklog = false;
  await assertRejects(() => world.pay(NOBODY), StoppingError);
});

Deno.test("an order can be created while sagas are no longer taken on, but not under back-pressure", async () => {
  await using world = new SagaWorld();
  world.process.dispatcher.close();
  const id = await world.create();
  assertEquals(world.order(id).status, "PENDING");
  world.faults.overBacklog = true;
  await assertRejects(() => world.create(), BacklogError);
});

Deno.test("F54 a key belongs to one payload and one method for as long as it is kept", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const { commands } = world.process;
  await commands.pay(id, world.mutation("k", { fingerprint: "one" }));
  const other = world.mutation("k", { fingerprint: "two" });
  await assertRejects(() => commands.pay(id, other), KeyReusedError);
  await assertRejects(() => commands.cancel(id, "", other), KeyReusedError);
  await world.settle();
  await world.fake.advance(24 * 3_600_000);
  const fresh = await commands.cancel(id, "", other);
  assertEquals(fresh.code, ANSWER_OK);
});

Deno.test("NOT_FOUND is kept with its key", async () => {
  await using world = new SagaWorld();
  const answer = await world.pay(NOBODY, "k");
  assertEquals(answer.code, ANSWER_NOT_FOUND);
  assertEquals(reasonOf(answer), "ORDER_NOT_FOUND");
  assertEquals(world.state.answers.get("k"), answer);
  for (const id of ["", "nonsense", "saga_1"]) {
    const odd = await world.pay(id as OrderId);
    assertEquals(odd.code, ANSWER_NOT_FOUND, id);
  }
});

Deno.test("FAILED_PRECONDITION is kept with its key, also when the call would be accepted by now", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const early = await world.refund(id, 10n, "refund");
  assertEquals(early.code, ANSWER_FAILED_PRECONDITION);
  assertEquals(reasonOf(early), "ORDER_NOT_PAID");
  await world.pay(id);
  await world.settle();
  assertEquals(await world.refund(id, 10n, "refund"), early);
  assertEquals((await world.refund(id, 10n, "another")).code, ANSWER_OK);
});

Deno.test("F22 F83 a further cancel is answered OK with the order's status, and is no saga, before the first has ended and after", async () => {
  await using world = new SagaWorld();
  const id = await confirmed(world);
  const status = (order: Order) => new TextEncoder().encode(order.status);
  const cancel = (key: string) =>
    world.process.commands.cancel(
      id,
      key,
      world.mutation(key, { encode: status }),
    );
  const first = await cancel("first");
  const running = await cancel("second");
  assertEquals(
    [first, running].map((answer) => [answer.code, reasonOf(answer)]),
    [[ANSWER_OK, "CONFIRMED"], [ANSWER_OK, "CONFIRMED"]],
  );
  await world.settle();
  const canceled = world.order(id);
  assertEquals(canceled.status, "CANCELED");
  const late = await cancel("third");
  assertEquals([late.code, reasonOf(late)], [ANSWER_OK, "CANCELED"]);
  await world.settle();
  assertEquals(world.order(id), canceled);
  assertEquals(world.order(id).lastSagaNumber, 2);
  // What was answered first stays, for each of the keys.
  assertEquals(await cancel("second"), running);
  assertEquals(world.state.answers.get("third"), late);
  assertEquals(verdict(world), []);
});

Deno.test("F83 a refund in another currency keeps no answer: corrected, it works with the same key", async () => {
  await using world = new SagaWorld();
  const id = await confirmed(world);
  const refund = (currency: string | null, fingerprint: string) =>
    world.process.commands.refund(
      { orderId: id, amount: { currency, amountMinor: 10n }, reason: "" },
      world.mutation("k", { fingerprint }),
    );
  const error = await assertRejects(
    () => refund("USD", "in USD"),
    RequestMismatchError,
  );
  assertEquals(
    [error.field, error.reason],
    ["amount.currency", "REFUND_CURRENCY_MISMATCH"],
  );
  assertEquals(world.state.answers.get("k"), undefined);
  assertEquals((await refund(null, "in the order's")).code, ANSWER_OK);
});

Deno.test("a refusal changes nothing of the order", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const before = world.order(id);
  await world.refund(id, 10n);
  assertEquals(world.order(id), before);
  assertEquals(world.state.events.length, 1);
});

Deno.test("nothing transient is kept: the same key works when the trouble is over", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const kept = world.state.answers.size;
  world.faults.overBacklog = true;
  await assertRejects(() => world.pay(id, "k"), BacklogError);
  world.faults.overBacklog = false;
  world.faults.commit = () => new StoreUnavailableError("full");
  await assertRejects(() => world.pay(id, "k"), StoreUnavailableError);
  world.faults.commit = null;
  world.faults.read = () => new StoreUnavailableError("busy");
  await assertRejects(() => world.pay(id, "k"), StoreUnavailableError);
  world.faults.read = null;
  assertEquals(world.state.answers.size, kept);
  assertEquals((await world.pay(id, "k")).code, ANSWER_OK);
});

Deno.test("an order that moves during each of 8 attempts is a version race, and nothing is kept", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const kept = world.state.answers.size;
  let attempts = 0;
  const move = () => {
    attempts++;
    const order = world.order(id);
    world.state.orders.set(id, { ...order, version: order.version + 1n });
    return null;
  };
  world.faults.commit = move;
  await assertRejects(() => world.pay(id, "k"), VersionRaceError);
  assertEquals(attempts, 8);
  assertEquals(world.state.answers.size, kept);
  world.faults.commit = () => attempts++ < 10 ? move() : null;
  assertEquals((await world.pay(id, "k")).code, ANSWER_OK, "two races lost");
});

Deno.test("a refusal that was decided on an order that has moved since is decided again", async () => {
  await using world = new SagaWorld();
  const id = await confirmed(world);
  world.providers.script("refund", { kind: "hang", effect: false });
  await world.refund(id, 60n);
  let moved = false;
  world.faults.commit = ({ orderCheck }) => {
    if (orderCheck === undefined || moved) return null;
    moved = true;
    const order = world.order(id);
    world.state.orders.set(id, {
      ...order,
      heldMinor: 0n,
      version: order.version + 1n,
    });
    return null;
  };
  assertEquals((await world.refund(id, 60n)).code, ANSWER_OK);
});

Deno.test("an answer that another process gave for the key meanwhile is the answer", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const now = world.clock.wallNow();
  const theirs = makeAnswer("k", {
    fingerprint: "fingerprint",
    createdAt: now,
    expiresAt: now + 1_000,
  });
  world.faults.commit = () => {
    world.state.answers.set("k", theirs);
    return null;
  };
  assertEquals(await world.pay(id, "k"), theirs);
  assertEquals(world.order(id).lastSagaNumber, 0);
});

Deno.test("F51 a caller that has gone before the commit leaves nothing, after it began everything", async () => {
  await using world = new SagaWorld();
  const id = await world.create();
  const call = () => {
    const controller = new AbortController();
    const { signal } = controller;
    const mutation = world.mutation(world.key(), { signal });
    const done = world.process.commands.pay(id, mutation);
    return { done, leave: () => controller.abort(new Error("gone")) };
  };
  const early = call();
  early.leave();
  await assertRejects(() => early.done, Error, "gone");
  await world.turn();
  assertEquals(world.order(id).version, 1n);
  let leave = () => {};
  world.faults.commit = () => {
    queueMicrotask(() => queueMicrotask(() => leave()));
    return null;
  };
  const late = call();
  leave = late.leave;
  await late.done.catch(() => {});
  world.faults.commit = null;
  await world.turn();
  const written = world.order(id).lastSagaNumber;
  assertEquals(world.state.answers.size, 1 + written);
  await world.settle();
  assertEquals(verdict(world), []);
});

import { assertEquals } from "@std/assert";
import { StoreUnavailableError } from "../../../src/storage/errors.ts";
import { RelayFixture } from "./fixtures.ts";

function flushSignal() {
  return new AbortController().signal;
}

Deno.test("flush publishes what is committed and says that nothing is left, while the loop runs", async () => {
  const fixture = new RelayFixture();
  fixture.start();
  await fixture.clock.flush();
  for (let i = 0; i < 7; i++) fixture.outbox.add("order", "a");
  fixture.outbox.add("saga", "a");
  const flushed = fixture.relay.flush(flushSignal());
  await fixture.clock.flush();
  assertEquals(await flushed, { pending: 0 });
  assertEquals(fixture.ids().length, 7);
  assertEquals(fixture.outbox.sent.size, 8);
  await fixture.stop();
});

Deno.test("flush publishes what is committed after the loop has ended", async () => {
  const fixture = new RelayFixture();
  fixture.start();
  await fixture.stop();
  for (let i = 0; i < 4; i++) fixture.outbox.add("order", "a");
  assertEquals(await fixture.relay.flush(flushSignal()), { pending: 0 });
  assertEquals(fixture.ids().length, 4);
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("F40 flush returns at once when the publisher is known to be down", async () => {
  for (const running of [true, false]) {
    const fixture = new RelayFixture();
    fixture.publisher.decide = () => ({ kind: "fail", written: 0 });
    fixture.start();
    fixture.commit("order", "a");
    fixture.commit("saga", "a");
    await fixture.clock.flush();
    if (!running) await fixture.stop();
    const attempts = fixture.publisher.batches.length;
    assertEquals(await fixture.relay.flush(flushSignal()), { pending: 2 });
    assertEquals(fixture.publisher.batches.length, attempts);
    await fixture.stop();
    assertEquals(fixture.clock.timerCount, 0);
  }
});

Deno.test("flush gives up when the publisher goes down under it", async () => {
  for (const running of [true, false]) {
    const fixture = new RelayFixture();
    if (running) fixture.start();
    await fixture.clock.flush();
    fixture.publisher.decide = () => ({ kind: "fail", written: 0 });
    fixture.outbox.add("order", "a");
    const flushed = fixture.relay.flush(flushSignal());
    await fixture.clock.flush();
    assertEquals(await flushed, { pending: 1 });
    await fixture.stop();
  }
});

Deno.test("F41 flush ends with its signal when the publisher hangs, and leaves the rest", async () => {
  for (const running of [true, false]) {
    const fixture = new RelayFixture();
    fixture.publisher.decide = () => ({ kind: "hang" });
    fixture.outbox.add("order", "a");
    await fixture.relay.refreshBacklog();
    if (running) fixture.start();
    const budget = new AbortController();
    const flushed = fixture.relay.flush(budget.signal);
    await fixture.clock.flush();
    budget.abort(new Error("the budget has ended"));
    assertEquals(await flushed, { pending: 1 });
    await fixture.stop();
    assertEquals(fixture.clock.timerCount, 0);
  }
});

Deno.test("flush gives up on a store that is unavailable", async () => {
  for (const running of [true, false]) {
    const fixture = new RelayFixture();
    if (running) fixture.start();
    await fixture.clock.flush();
    fixture.outbox.before = () => {
      throw new StoreUnavailableError("busy");
    };
    fixture.commit("order", "a");
    const flushed = fixture.relay.flush(flushSignal());
    await fixture.clock.flush();
    assertEquals(await flushed, { pending: 1 });
    await fixture.stop();
    assertEquals(fixture.clock.timerCount, 0);
  }
});

Deno.test("flush is not content with a read that began before it", async () => {
  const fixture = new RelayFixture(undefined, undefined, {
    pollIntervalMs: 3_600_000,
  });
  const { outbox, relay, clock } = fixture;
  fixture.start();
  await clock.flush();
  const read = outbox.outbox.bind(outbox);
  const answered = Promise.withResolvers<void>();
  outbox.outbox = async (...query) => {
    const rows = await read(...query);
    await answered.promise;
    return rows;
  };
  relay.notify(0);
  await clock.flush();
  outbox.add("order", "a");
  const flushed = relay.flush(flushSignal());
  answered.resolve();
  await clock.flush();
  assertEquals(await flushed, { pending: 0 });
  assertEquals(fixture.ids().length, 1);
  await fixture.stop();
});

Deno.test("flush marks what the loop has left acknowledged and unmarked, and sends it no second time", async () => {
  const fixture = new RelayFixture();
  const { outbox, relay, clock } = fixture;
  let full = true;
  outbox.before = (operation) => {
    if (full && operation === "markSent") {
      throw new StoreUnavailableError("disk full");
    }
  };
  fixture.start();
  fixture.commit("order", "a");
  await clock.flush();
  await fixture.stop();
  full = false;
  assertEquals(await relay.flush(flushSignal()), { pending: 0 });
  assertEquals(fixture.ids().length, 1);
});

import { assertEquals } from "@std/assert";
import { FakeClock } from "@oms/lifecycle/testing";
import { Backlog } from "../../../src/events/backlog.ts";
import { RelayFixture } from "./fixtures.ts";

Deno.test("F44 the limit is passed by commits at once and recovers as events are published", async () => {
  const fixture = new RelayFixture();
  let up = false;
  fixture.publisher.decide = () =>
    up ? { kind: "ack" } : { kind: "fail", written: 0 };
  fixture.start();
  await fixture.clock.flush();
  for (let i = 0; i < 10; i++) fixture.commit("order", "a");
  assertEquals(fixture.relay.limit.isOverLimit(), false);
  fixture.commit("order", "a");
  assertEquals(fixture.relay.limit.isOverLimit(), true);
  await fixture.clock.advance(30_000);
  assertEquals(fixture.relay.limit.isOverLimit(), true);
  up = true;
  await fixture.clock.advance(5_000);
  assertEquals(fixture.relay.limit.isOverLimit(), false);
  assertEquals(fixture.relay.backlog(), {
    pending: 0,
    oldestAgeMs: 0,
    deadLetters: 0,
  });
  await fixture.stop();
});

Deno.test("F44 marks take the backlog down at once, without waiting for a poll", async () => {
  const fixture = new RelayFixture(undefined, undefined, {
    pollIntervalMs: 3_600_000,
    maxPending: 2,
  });
  fixture.start();
  await fixture.clock.flush();
  for (let i = 0; i < 3; i++) fixture.commit("order", "a");
  assertEquals(fixture.relay.limit.isOverLimit(), true);
  await fixture.clock.flush();
  assertEquals(fixture.outbox.sent.size, 3);
  assertEquals(fixture.relay.limit.isOverLimit(), false);
  await fixture.stop();
});

Deno.test("F44 a backlog left by an earlier process counts before the first publish", async () => {
  const fixture = new RelayFixture();
  for (let i = 0; i < 11; i++) fixture.outbox.add("order", "a");
  await fixture.relay.refreshBacklog();
  assertEquals(fixture.relay.limit.isOverLimit(), true);
});

Deno.test("the answer does not flicker around the limit", () => {
  const backlog = new Backlog(100, new FakeClock());
  backlog.added(101);
  assertEquals(backlog.isOverLimit(), true);
  backlog.removed(5);
  assertEquals(backlog.isOverLimit(), true);
  backlog.removed(6);
  assertEquals(backlog.isOverLimit(), false);
  backlog.added(5);
  assertEquals(backlog.isOverLimit(), false);
});

Deno.test("a limit of one recovers when nothing is pending", () => {
  const backlog = new Backlog(1, new FakeClock());
  backlog.added(2);
  assertEquals(backlog.isOverLimit(), true);
  backlog.removed(2);
  assertEquals(backlog.isOverLimit(), false);
});

Deno.test("pending and age are told on every poll and corrected by the store", async () => {
  const fixture = new RelayFixture();
  fixture.publisher.decide = () => ({ kind: "hang" });
  fixture.commit("order", "a");
  fixture.relay.notify(5);
  assertEquals(fixture.relay.backlog().pending, 6);
  fixture.start();
  await fixture.clock.advance(3_000);
  assertEquals(fixture.backlogs.at(-1), {
    pending: 1,
    oldestAgeMs: 3_000,
    deadLetters: 0,
  });
  fixture.clock.jumpWall(-3_600_000);
  await fixture.clock.advance(1_000);
  assertEquals(fixture.backlogs.at(-1), {
    pending: 1,
    oldestAgeMs: 0,
    deadLetters: 0,
  });
  await fixture.stop();
});

Deno.test("commits that come while the store is read are counted on top", async () => {
  const backlog = new Backlog(100, new FakeClock());
  const read = Promise.withResolvers<
    { pending: number; oldestCreatedAt: null; deadLetters: number }
  >();
  const refreshed = backlog.refresh(() => read.promise);
  backlog.added(2);
  read.resolve({ pending: 3, oldestCreatedAt: null, deadLetters: 2 });
  await refreshed;
  assertEquals(backlog.snapshot().pending, 5);
  assertEquals(backlog.snapshot().deadLetters, 2);
});

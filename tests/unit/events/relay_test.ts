import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { PublishError } from "../../../src/events/errors.ts";
import {
  StoreFatalError,
  StoreUnavailableError,
} from "../../../src/storage/errors.ts";
import { FakePublisher } from "../../support/fake_publisher.ts";
import { FakeOutbox, RelayFixture } from "./fixtures.ts";

Deno.test("a commit is published without waiting for the poll", async () => {
  const fixture = new RelayFixture();
  fixture.start();
  await fixture.clock.flush();
  const before = fixture.clock.now();
  fixture.commit("order", "a");
  fixture.commit("saga", "a");
  await fixture.clock.flush();
  assertEquals(fixture.clock.now(), before);
  assertEquals(fixture.ids(), ["ord_a:order:1"]);
  assertEquals(fixture.ids("oms.saga.events"), ["ord_a:saga:1"]);
  assertEquals(fixture.outbox.sent.size, 2);
  await fixture.stop();
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("what another process left in the outbox is published at start and by the poll", async () => {
  const fixture = new RelayFixture();
  fixture.outbox.add("order", "a");
  fixture.start();
  await fixture.clock.flush();
  assertEquals(fixture.ids(), ["ord_a:order:1"]);
  fixture.outbox.add("order", "a");
  await fixture.clock.flush();
  assertEquals(fixture.ids().length, 1);
  await fixture.clock.advance(1_000);
  assertEquals(fixture.ids(), ["ord_a:order:1", "ord_a:order:2"]);
  await fixture.stop();
});

Deno.test("records carry id, type and traceparent as headers and the frozen bytes as value", async () => {
  const fixture = new RelayFixture();
  const row = fixture.outbox.add("order", "a");
  fixture.outbox.rows[0] = { ...row, traceparent: "00-abc-def-01" };
  fixture.start();
  await fixture.clock.flush();
  assertEquals(fixture.publisher.written, [{
    topic: "oms.order.events",
    key: "ord_a",
    value: row.value,
    headers: {
      "event-id": "ord_a:order:1",
      "event-type": "order.created",
      "traceparent": "00-abc-def-01",
    },
  }]);
  await fixture.stop();
});

Deno.test("F40 a failed batch is sent again unchanged, with growing back-off, before anything after it", async () => {
  const fixture = new RelayFixture();
  let failures = 0;
  fixture.publisher.decide = () =>
    failures++ < 10 ? { kind: "fail", written: 0 } : { kind: "ack" };
  for (let i = 0; i < 5; i++) fixture.outbox.add("order", "a");
  fixture.start();
  await fixture.clock.flush();
  const [first] = fixture.publisher.batches;
  await fixture.clock.advance(60_000);
  const { batches } = fixture.publisher;
  assertEquals(batches.length, 12);
  for (const batch of batches.slice(0, 11)) assertEquals(batch, first);
  assertEquals(
    fixture.ids(),
    [1, 2, 3, 4, 5].map((seq) => `ord_a:order:${seq}`),
  );
  assertEquals(fixture.outbox.sent.size, 5);
  await fixture.stop();
});

Deno.test("F40 the back-off stays below its cap during a long outage, and the log stays short", async () => {
  const fixture = new RelayFixture(undefined, undefined, {
    pollIntervalMs: 3_600_000,
  });
  fixture.publisher.decide = () => ({ kind: "fail", written: 0 });
  fixture.outbox.add("order", "a");
  fixture.start();
  await fixture.clock.advance(600_000);
  const attempts = fixture.publisher.batches.length;
  // 5 s x 0.75 between attempts at the most: 160 in ten minutes, and the shorter ones at the beginning.
  assert(attempts >= 160 && attempts < 175, `${attempts} attempts`);
  const warnings = fixture.log.filter(({ level }) => level === "warn");
  assert(warnings.length <= 8, `${warnings.length} warnings`);
  fixture.publisher.decide = () => ({ kind: "ack" });
  await fixture.clock.advance(5_000);
  assertEquals(fixture.ids(), ["ord_a:order:1"]);
  assertEquals(fixture.log.at(-1)?.message, "publishing events again");
  await fixture.stop();
});

Deno.test("F41 a publisher that never answers is left at once when the relay is stopped", async () => {
  const fixture = new RelayFixture();
  fixture.publisher.decide = () => ({ kind: "hang" });
  fixture.outbox.add("order", "a");
  fixture.start();
  await fixture.clock.flush();
  await fixture.stop();
  assertEquals(fixture.clock.timerCount, 0);
  assertEquals(fixture.outbox.sent.size, 0);
});

Deno.test("one topic in trouble does not hold up the other", async () => {
  const fixture = new RelayFixture();
  fixture.publisher.decide = ([first]) =>
    first?.topic === "oms.saga.events" ? { kind: "hang" } : { kind: "ack" };
  fixture.start();
  fixture.commit("saga", "a");
  fixture.commit("order", "a");
  await fixture.clock.flush();
  assertEquals(fixture.ids(), ["ord_a:order:1"]);
  await fixture.stop();
});

Deno.test("F12 died between acknowledgement and mark: the next process sends the same id and bytes again, order kept", async () => {
  const outbox = new FakeOutbox();
  const publisher = new FakePublisher();
  const first = new RelayFixture(outbox, publisher);
  outbox.before = (operation) => {
    if (operation === "markSent") throw new StoreUnavailableError("closing");
  };
  first.start();
  for (let i = 0; i < 3; i++) first.commit("order", "a");
  await first.clock.flush();
  await first.stop();
  assertEquals(first.ids().length, 3);
  assertEquals(outbox.sent.size, 0);
  const before = publisher.written.slice();

  outbox.before = () => {};
  outbox.add("order", "a");
  const second = new RelayFixture(outbox, publisher);
  second.start();
  await second.clock.flush();
  await second.stop();
  assertEquals(publisher.written.slice(3, 6), before);
  assertEquals(
    second.ids(),
    [1, 2, 3, 1, 2, 3, 4].map((seq) => `ord_a:order:${seq}`),
  );
  assertEquals(outbox.sent.size, 4);
});

Deno.test("a mark that the store cannot take is repeated, while publishing goes on without duplicates", async () => {
  const fixture = new RelayFixture();
  let failures = 3;
  fixture.outbox.before = (operation) => {
    if (operation === "markSent" && failures-- > 0) {
      throw new StoreUnavailableError("disk full");
    }
  };
  fixture.start();
  for (let i = 0; i < 8; i++) fixture.commit("order", "a");
  await fixture.clock.advance(2_000);
  assertEquals(
    fixture.ids(),
    [1, 2, 3, 4, 5, 6, 7, 8].map((seq) => `ord_a:order:${seq}`),
  );
  assertEquals(fixture.outbox.sent.size, 8);
  assertEquals(fixture.relay.backlog().pending, 0);
  await fixture.stop();
});

Deno.test("publishing waits for the store when too much is acknowledged and unmarked", async () => {
  const fixture = new RelayFixture();
  fixture.outbox.before = (operation) => {
    if (operation === "markSent") throw new StoreUnavailableError("disk full");
  };
  for (let i = 0; i < 30; i++) fixture.outbox.add("order", "a");
  fixture.start();
  await fixture.clock.advance(20_000);
  assertEquals(fixture.ids().length, 12);
  fixture.outbox.before = () => {};
  await fixture.clock.advance(10_000);
  assertEquals(fixture.ids().length, 30);
  assertEquals(new Set(fixture.ids()).size, 30);
  await fixture.stop();
});

Deno.test("a store that is unavailable is read again until it answers", async () => {
  const fixture = new RelayFixture();
  fixture.outbox.before = () => {
    throw new StoreUnavailableError("busy");
  };
  fixture.outbox.add("order", "a");
  fixture.start();
  await fixture.clock.advance(10_000);
  assertEquals(fixture.ids(), []);
  fixture.outbox.before = () => {};
  await fixture.clock.advance(5_000);
  assertEquals(fixture.ids(), ["ord_a:order:1"]);
  await fixture.stop();
});

for (const operation of ["outbox", "markSent", "outboxStats"] as const) {
  Deno.test(`F16 a fatal store error in ${operation} ends the loop with that error`, async () => {
    const fixture = new RelayFixture();
    const fatal = new StoreFatalError("I/O error");
    fixture.outbox.before = (called) => {
      if (called === operation) throw fatal;
    };
    const running = fixture.start();
    fixture.commit("order", "a");
    const error = await assertRejects(() => fixture.clock.settle(running));
    assertStrictEquals(error, fatal);
    assertEquals(fixture.clock.timerCount, 0);
  });
}

Deno.test("F16 an error that the publisher does not document ends the loop with that error", async () => {
  const fixture = new RelayFixture();
  const bug = new TypeError("undefined is not a function");
  fixture.publisher.decide = () => ({ kind: "fail", written: 0, error: bug });
  const running = fixture.start();
  fixture.commit("order", "a");
  const error = await assertRejects(() => fixture.clock.settle(running));
  assertStrictEquals(error, bug);
});

Deno.test("an unreached publisher is probed while there is nothing to send, at a falling rate", async () => {
  let probes = 0;
  class Unreachable extends FakePublisher {
    warmUp(): Promise<void> {
      probes += 1;
      return Promise.reject(new PublishError("connection refused"));
    }
  }
  const fixture = new RelayFixture(undefined, new Unreachable());
  fixture.start();
  await fixture.clock.flush();
  assertEquals(probes, 2);
  await fixture.clock.advance(60_000);
  assert(probes > 10 && probes < 50, `${probes} probes`);
  await fixture.stop();
});

Deno.test("F82 topics are looked for while nothing is sent, the dead-letter topic too, until all are there", async () => {
  const missing = new Set(["oms.saga.events", "oms.dlq"]);
  const found: string[] = [];
  class Topics extends FakePublisher {
    warmUp(topic: string): Promise<void> {
      if (missing.has(topic)) {
        return Promise.reject(new PublishError(`no ${topic}`));
      }
      found.push(topic);
      return Promise.resolve();
    }
  }
  const fixture = new RelayFixture(undefined, new Topics());
  fixture.start();
  await fixture.clock.advance(60_000);
  assertEquals(
    fixture.log.map(({ message, fields }) => `${message}: ${fields.error}`)
      .sort(),
    [
      "publisher is not ready, trying again: no oms.dlq",
      "publisher is not ready, trying again: no oms.saga.events",
    ],
  );
  missing.clear();
  await fixture.clock.advance(10_000);
  assertEquals(
    new Set(found),
    new Set(["oms.order.events", "oms.saga.events", "oms.dlq"]),
  );
  await fixture.stop();
});

Deno.test("the relay ends only after the mark that is under way", async () => {
  const fixture = new RelayFixture();
  const marked = Promise.withResolvers<void>();
  const { outbox } = fixture;
  const markSent = outbox.markSent.bind(outbox);
  let marking = false;
  outbox.markSent = async (...args) => {
    marking = true;
    await marked.promise;
    await markSent(...args);
  };
  // The first batch is being marked while the second is on its way.
  fixture.publisher.decide = () => marking ? { kind: "hang" } : { kind: "ack" };
  for (let i = 0; i < 4; i++) fixture.commit("order", "a");
  fixture.start();
  await fixture.clock.flush();
  assertEquals(marking, true);
  let ended = false;
  const stopping = fixture.stop().then(() => ended = true);
  await fixture.clock.flush();
  assertEquals(ended, false);
  marked.resolve();
  await stopping;
  assertEquals(outbox.sent.size, 3);
});
